-- GET /v1/parking/apds/places/{id}: a site, or one of its supplies (the site's id, a
-- hyphen, the vehicle).
create function apds_element_read(caller jsonb, id text)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, (case when u.site is null then apds_place(s) else apds_area(s, u) end)::json
      from sites s
      left join supplies u on u.site = s.id and u.vehicle = substr(apds_element_read.id, 38)
     where s.id = left(apds_element_read.id, 36)::uuid and s.in_service
       and (u.site is not null or length(apds_element_read.id) = 36)
$$;

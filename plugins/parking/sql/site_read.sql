-- GET /v1/parking/sites/{id}
create function site_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
               'id', s.id, 'name', s.name, 'address', s.address,
               'operator', json_build_object('id', o.id, 'name', o.name, 'contact', o.contact),
               'location', json_build_object('lat', st_y(s.location::geometry),
                                             'long', st_x(s.location::geometry)),
               'open', stay_open(s.id, now(), now() + interval '1 minute'),
               'opening_hours', coalesce((
                   select json_agg(json_build_object('days', p.days, 'opens', to_char(p.opens, 'HH24:MI'),
                                                     'minutes', p.minutes) order by p.days, p.opens)
                     from openings p where p.site = s.id), '[]'),
               'supplies', coalesce((
                   select json_agg(supply_document(u)
                              || jsonb_build_object('tariffs', tariffs_document(u.site, u.vehicle))
                              order by u.vehicle)
                     from supplies u where u.site = s.id), '[]'))
      from sites s
      join operators o on o.id = s.operator
     where s.id = site_read.id and s.in_service
$$;

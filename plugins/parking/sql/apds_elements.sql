-- GET /v1/parking/apds/places: all sites, each before its supplies, a hundred a page.
create function apds_elements(caller jsonb, page int)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
               'meta', json_build_object(
                   'referenceInstant', extract(epoch from now())::bigint,
                   'offset', (page - 1) * 100, 'pageSize', 100,
                   'total', (select count(*) + coalesce(sum(cardinality(s.vehicles)), 0)
                               from sites s where s.in_service)),
               'data', coalesce((
                   select json_agg(case when e.vehicle is null then apds_place(s) else apds_area(s, u) end
                                   order by e.site, e.vehicle nulls first)
                     from (select s.id as site, v.vehicle
                             from sites s
                            cross join lateral unnest(array_append(s.vehicles, null)) v (vehicle)
                            where s.in_service
                            order by s.id, v.vehicle nulls first
                           offset (page - 1) * 100 limit 100) e
                     join sites s on s.id = e.site
                     left join supplies u on u.site = e.site and u.vehicle = e.vehicle), '[]'))
$$;

-- GET /v1/areas/locate: the commune and unit of a point at a date. A point in
-- a gap between boundaries gets the nearest, with its distance; outside of the
-- city (or where no areas are known for the date) is a refusal.
create function areas_locate(caller jsonb, lat float8, long float8, at date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select case when a.area is not null then 200 end,
           case when a.area is not null then md5(b.body::text) end,
           b.body
    from (select coalesce(areas_locate.at, core.today())) d (day)
         left join lateral area_at(areas_locate.lat, areas_locate.long, d.day) a on true
         cross join lateral (
             select case
                 when a.area is not null then (
                     select row_to_json(r)
                     from (select d.day as at, a.code,
                                  unit_brief(a.unit, d.day) as unit,
                                  a.distance_m = 0 or a.source = 'centre-points'
                                      as inside,
                                  a.distance_m, a.source) r)
                 when exists (select from geo.areas x where x.validity @> d.day) then
                     refusal('outside-city')
                 else refusal('areas-unknown', json_build_object('at', d.day))
                 end
         ) b (body)
$$;

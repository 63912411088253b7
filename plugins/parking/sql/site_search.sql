-- GET /v1/parking/sites: the nearest to a point within a radius in metres, with room
-- for a vehicle where one is named. The index gives them in order; the cursor is the
-- distance and the id of the last one that was given.
create function site_search(caller jsonb, lat float8, long float8, radius int, vehicle text,
                            "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
declare
    here    geography := st_point(long, lat, 4326)::geography;
    beyond  float8 := -1;
    last    uuid := '00000000-0000-0000-0000-000000000000';
begin
    if cursor is not null then
        begin
            beyond := split_part(cursor, '_', 1)::float8;
            last := split_part(cursor, '_', 2)::uuid;
        exception when data_exception then
            return query select null::int, null::text, json_build_object('code', 'parking-cursor-unknown');
            return;
        end;
    end if;

    return query
    with near as (
        select s.id, s.name, s.address, s.location, s.operator, s.location <-> here as metres
          from sites s
         where s.in_service
           and st_dwithin(s.location, here, site_search.radius, false)
           and (site_search.vehicle is null
                or exists (select from supplies u where u.site = s.id and u.vehicle = site_search.vehicle))
           and (beyond < 0 or (s.location <-> here, s.id) > (beyond, last))
         order by s.location <-> here, s.id
         limit site_search."limit" + 1
    ), page as (
        select n.*, row_number() over (order by n.metres, n.id) as n from near n
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(json_build_object(
                   'id', p.id, 'name', p.name, 'address', p.address, 'operator', o.name,
                   'location', json_build_object('lat', st_y(p.location::geometry),
                                                 'long', st_x(p.location::geometry)),
                   'distance', round(p.metres)::int,
                   'supplies', (select json_agg(json_build_object(
                                           'vehicle', u.vehicle, 'capacity', u.capacity,
                                           'bookable', u.bookable,
                                           'occupancy', supply_occupancy(u, o.stale_seconds))
                                           order by u.vehicle)
                                  from supplies u
                                 where u.site = p.id
                                   and (site_search.vehicle is null or u.vehicle = site_search.vehicle)))
                   order by p.n) filter (where p.n <= site_search."limit"), '[]'),
               'next', (select l.metres || '_' || l.id from page l
                         where l.n = site_search."limit"
                           and exists (select from page m where m.n > site_search."limit")))
      from page p join operators o on o.id = p.operator;
end
$$;

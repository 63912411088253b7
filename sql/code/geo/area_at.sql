-- The area that a point lies in at a date:
--   1. inside (or on the edge of) a boundary; a point on a shared edge belongs
--      to the lowest code;
--   2. in none: the nearest within the setting geo.tolerance_m, with its
--      distance: real boundaries have gaps;
--   3. where no boundaries hold at the date: the nearest centre of those within
--      whose radius it lies (source "centre-points").
-- No row: outside of the city.
create function area_at(lat float8, long float8, at date default core.today())
returns table (area uuid, code text, unit uuid, distance_m int, source text)
language sql stable
as $$
    with point as materialized (
        select st_setsrid(st_makepoint(long, lat), 4326) as geom
    ),
    inside as materialized (
        select a.id, a.code, a.unit
        from point
             join geo.pieces p on st_intersects(p.geom, point.geom)
             join geo.areas a on a.id = p.area and a.validity @> area_at.at
        order by a.code
        limit 1
    ),
    -- The index orders by degrees, the answer is in metres: some candidates
    -- more than needed, then the true distance.
    near as materialized (
        select c.id, c.code, c.unit, min(c.metres) as metres
        from (
            select a.id, a.code, a.unit,
                   st_distance(p.geom::geography, point.geom::geography) as metres
            from point
                 cross join lateral (
                     select p.area, p.geom
                     from geo.pieces p
                     where not exists (select from inside)
                       and p.geom && st_expand(point.geom, 0.1)
                     order by p.geom <-> point.geom
                     limit 32
                 ) p
                 join geo.areas a on a.id = p.area and a.validity @> area_at.at
        ) c
        group by c.id, c.code, c.unit
        order by min(c.metres), c.code
        limit 1
    ),
    centres as (
        select a.id, a.code, a.unit, a.metres
        from point
             cross join lateral (
                 select a.id, a.code, a.unit, a.radius_m,
                        st_distance(a.centre::geography, point.geom::geography) as metres
                 from geo.areas a
                 where a.validity @> area_at.at
                   and not exists (select
                                   from geo.areas x join geo.pieces p on p.area = x.id
                                   where x.validity @> area_at.at)
                 order by a.centre <-> point.geom
                 limit 16
             ) a
        where a.metres <= a.radius_m
        order by a.metres, a.code
        limit 1
    )
    select i.id, i.code, i.unit, 0, 'boundaries'
    from inside i
    union all
    select n.id, n.code, n.unit, ceil(n.metres)::int, 'boundaries'
    from near n
    where n.metres <= (setting('geo.tolerance_m', area_at.at))::float8
    union all
    select c.id, c.code, c.unit, ceil(c.metres)::int, 'centre-points'
    from centres c
$$;

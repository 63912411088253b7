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
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    point  constant geometry := st_setsrid(st_makepoint(long, lat), 4326);
begin
    source := 'boundaries';

    select a.id, a.code, a.unit, 0
    into area, code, unit, distance_m
    from geo.pieces p
         join geo.areas a on a.id = p.area and a.validity @> at
    where st_intersects(p.geom, point)
    order by a.code
    limit 1;

    if found then
        return next;
        return;
    end if;

    -- The index orders by degrees, the answer is in metres: some candidates
    -- more than needed, then the true distance.
    select c.id, c.code, c.unit, ceil(min(c.metres))::int
    into area, code, unit, distance_m
    from (
        select a.id, a.code, a.unit,
               st_distance(p.geom::geography, point::geography) as metres
        from (
            select p.area, p.geom
            from geo.pieces p
            where p.geom && st_expand(point, 0.1)
            order by p.geom <-> point
            limit 32
        ) p
             join geo.areas a on a.id = p.area and a.validity @> at
    ) c
    group by c.id, c.code, c.unit
    having min(c.metres) <= setting('geo.tolerance_m', at)::float8
    order by min(c.metres), c.code
    limit 1;

    if found then
        return next;
        return;
    end if;

    if exists (select from geo.areas a join geo.pieces p on p.area = a.id
               where a.validity @> at)
    then
        return;
    end if;

    source := 'centre-points';

    select c.id, c.code, c.unit, ceil(c.metres)::int
    into area, code, unit, distance_m
    from (
        select a.id, a.code, a.unit, a.radius_m,
               st_distance(a.centre::geography, point::geography) as metres
        from geo.areas a
        where a.validity @> at
        order by a.centre <-> point
        limit 16
    ) c
    where c.metres <= c.radius_m
    order by c.metres, c.code
    limit 1;

    if found then
        return next;
    end if;
end
$$;

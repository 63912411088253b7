-- The unit that stands in for a unit at a date: itself while it is valid,
-- otherwise its successor (the first by code where several took over), its
-- successor's, and so on. Null when it ended without one.
create function unit_now(unit uuid, at date default core.today())
returns uuid
language plpgsql stable
as $$
begin
    -- As nearly always.
    if exists (select from core.units u
               where u.id = unit_now.unit and u.validity @> unit_now.at)
    then
        return unit;
    end if;

    return (
        with recursive chain (id, step) as (
            select unit_now.unit, 0
            union all
            select s.successor, chain.step + 1
            from chain
                 join core.units u on u.id = chain.id and not u.validity @> unit_now.at
                 cross join lateral (
                     select s.successor
                     from core.unit_successors s
                          join core.units n on n.id = s.successor
                     where s.unit = chain.id and s.since <= unit_now.at
                     order by n.code
                     limit 1
                 ) s
            where chain.step < 16
        )
        select c.id
        from chain c
             join core.units u on u.id = c.id and u.validity @> unit_now.at
        order by c.step desc
        limit 1);
end
$$;

-- The unit that stands in for a unit at a date: itself while it is valid,
-- otherwise its successor, its successor's, and so on: the nearest that is valid, the
-- first by code where several took over. Null when it ended without one.
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
        with recursive chain (id, codes) as (
            select unit_now.unit, '{}'::text[]
            union all
            select n.id, chain.codes || n.code
            from chain
                 join core.units u on u.id = chain.id and not u.validity @> unit_now.at
                 join core.unit_successors s on s.unit = chain.id and s.since <= unit_now.at
                 join core.units n on n.id = s.successor
            where cardinality(chain.codes) < 16 and n.code <> all (chain.codes)
        )
        select c.id
        from chain c
             join core.units u on u.id = c.id and u.validity @> unit_now.at
        order by cardinality(c.codes), c.codes
        limit 1);
end
$$;

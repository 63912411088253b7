-- A unit and the units below it at a date (depth 0: itself).
create function unit_subtree(unit uuid, at date default core.today())
returns table (id uuid, depth int)
language sql stable
as $$
    with recursive down (id, depth) as (
        select unit_subtree.unit, 0
        union all
        select p.unit, down.depth + 1
        from down
             join core.unit_parents p
                  on p.parent = down.id and p.validity @> unit_subtree.at
        where down.depth < 16
    )
    select down.id, down.depth from down
$$;

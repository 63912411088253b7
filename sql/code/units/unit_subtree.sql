-- A unit and the units below it at a date (depth 0: itself).
-- (The dates, not the range that they make: that is dearer to look into, and of a
-- day that the planner does not know it expects one row in two hundred.)
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
                  on p.parent = down.id and p.valid_from <= unit_subtree.at
                     and (p.valid_to is null or p.valid_to >= unit_subtree.at)
        where down.depth < 16
    )
    select down.id, down.depth from down
$$;

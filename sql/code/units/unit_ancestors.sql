-- A unit and the units above it at a date, nearest first (depth 0: itself).
-- (The dates, not the range that they make: that is dearer to look into, and of a
-- day that the planner does not know it expects one row in two hundred.)
create function unit_ancestors(unit uuid, at date default core.today())
returns table (id uuid, depth int)
language sql stable
as $$
    with recursive up (id, depth) as (
        select unit_ancestors.unit, 0
        union all
        select p.parent, up.depth + 1
        from up
             join core.unit_parents p
                  on p.unit = up.id and p.valid_from <= unit_ancestors.at
                     and (p.valid_to is null or p.valid_to >= unit_ancestors.at)
        where up.depth < 16
    )
    select up.id, up.depth from up
$$;

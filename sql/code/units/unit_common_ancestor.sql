-- The lowest unit above (or equal to) both at a date: who decides between two
-- units. Null when they share none.
create function unit_common_ancestor(a uuid, b uuid, at date default core.today())
returns uuid
language plpgsql stable
as $$
begin
    return (
        select x.id
        from unit_ancestors(a, at) x
             join unit_ancestors(b, at) y on y.id = x.id
        order by x.depth
        limit 1);
end
$$;

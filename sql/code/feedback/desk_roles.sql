-- The units on which a person is at a desk: any role that handles cases or
-- oversees them.
create function desk_roles(person uuid)
returns uuid[]
language plpgsql stable
as $$
begin
    return (
        select array(
            select distinct u.id
            from unnest(array['receive', 'assign', 'process', 'resolve', 'approve',
                              'oversee']) r (role)
                 cross join lateral officer_units(desk_roles.person, r.role) u (id)));
end
$$;

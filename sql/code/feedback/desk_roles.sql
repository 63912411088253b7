-- The units on which a person is at a desk: any role that handles cases or
-- oversees them.
create function desk_roles(person uuid)
returns uuid[]
language plpgsql stable
as $$
declare
    today  constant date := core.today();    -- once, not for each row
begin
    return array(
        select u.id
        from officer_units(person, array['receive', 'assign', 'process', 'resolve',
                                         'approve', 'oversee'], today) u (id));
end
$$;

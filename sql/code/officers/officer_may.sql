-- May this person act in a role on a unit at a date?
create function officer_may(person uuid, unit uuid, role text,
    at date default core.today())
returns boolean
language plpgsql stable
as $$
begin
    return (
        select coalesce(role = any (officer_roles_on(person, unit, at)), false));
end
$$;

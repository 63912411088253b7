-- An operator's first step: the first administrator of a unit, named by token
-- issuer and subject ("ihanoi appoint"). Everything after it goes through the
-- API.
create function officer_bootstrap(issuer text, subject text, unit_code text,
    role text default 'administer')
returns uuid
language plpgsql
as $$
declare
    place  uuid;
    made   uuid;
begin
    select u.id into place
    from core.units u
    where u.code = unit_code and u.validity @> core.today();

    if not found then
        raise exception 'no unit "%" stands today', unit_code;
    end if;

    if not exists (select from core.officer_roles r
                   where r.code = officer_bootstrap.role)
    then
        raise exception 'no role "%"', officer_bootstrap.role;
    end if;

    insert into core.officer_grants (person, unit, role, valid_from)
    values (person_ensure(null, issuer, subject, null), place,
            officer_bootstrap.role, core.today())
    returning id into made;

    perform event_record(null, null, 'unit', place, 'role_granted', place,
        'system', jsonb_build_object('grant', made, 'role', officer_bootstrap.role));

    return made;
end
$$;

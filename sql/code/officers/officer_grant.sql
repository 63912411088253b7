-- POST /v1/units/{id}/officers: gives a person a role on a unit, from a day and
-- perhaps to one. Whoever administers the unit, or one above it, may; so an
-- administrator's reach is the own subtree and ends where that ends.
--
-- A substitute stands in for the holder of a grant: same unit, same role, a
-- last day, and no longer than that grant.
create function officer_grant(caller jsonb, id uuid, subject text, issuer text,
    role text, valid_from date, valid_to date, substitute_for uuid)
returns core.reply
language plpgsql
as $$
declare
    me      uuid := caller_person(caller);
    person  uuid;
    first   date := coalesce(valid_from, core.today());
    held    core.officer_grants;
    made    core.officer_grants;
begin
    perform roster_lock(id);

    perform from core.units u where u.id = officer_grant.id;

    if not found then
        return null;
    end if;

    if not officer_may(me, id, 'administer') then
        return refuse('not-permitted');
    end if;

    -- Rights are not given for days that are over.
    if first < core.today() or valid_to < first then
        return refuse('dates-invalid');
    end if;

    if not exists (select from core.units u
                   where u.id = officer_grant.id and u.validity @> first)
    then
        return refuse('unit-not-valid', json_build_object('at', first));
    end if;

    if substitute_for is not null then
        select g.* into held
        from core.officer_grants g
        where g.id = officer_grant.substitute_for;

        if not found or held.unit <> id or held.role <> officer_grant.role
           or held.revoked_at is not null or held.substitute_for is not null
           or valid_to is null
           or not held.validity @> daterange(first, valid_to, '[]')
        then
            return refuse('substitute-invalid');
        end if;
    end if;

    person := person_ensure(caller, coalesce(issuer, caller ->> 'iss'), subject, me);

    if held.person = person then
        perform refuse_now('substitute-invalid');
    end if;

    made.person := person;
    made.unit := id;
    made.role := officer_grant.role;
    made.valid_from := first;
    made.valid_to := officer_grant.valid_to;
    made.substitute_for := officer_grant.substitute_for;

    begin
        made := grant_give(caller, me, made);
    exception when exclusion_violation then
        perform refuse_now('grant-exists');
    end;

    return row(201, null, format('/v1/units/%s/roster', id),
               grant_document(made))::core.reply;
end
$$;

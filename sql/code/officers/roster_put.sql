-- PUT /v1/units/{id}/roster: the unit's whole roster as it is to be from now
-- on: roles that are new are granted, those that are not listed any more are
-- revoked, the others stay. It must have somebody in each required role. The
-- role "administer" and substitutes are given and taken one by one instead:
-- a list that forgot them must not lock the unit out.
create function roster_put(caller jsonb, id uuid, if_match jsonb, officers jsonb)
returns core.reply
language plpgsql
as $$
declare
    me       uuid := caller_person(caller);
    today    date := core.today();
    gone     core.officer_grants;
    wanted   record;
    made     core.officer_grants;
begin
    perform roster_lock(id);

    perform from core.units u where u.id = roster_put.id;

    if not found then
        return null;
    end if;

    if not officer_may(me, id, 'administer') then
        return refuse('not-permitted');
    end if;

    if if_match is not null and not if_match ? '*'
       and not exists (select from jsonb_array_elements_text(if_match) t (tag)
                       where split_part(t.tag, '-', 1) = roster_version(id, today))
    then
        return refuse('precondition-failed');
    end if;

    if not exists (select from core.units u
                   where u.id = roster_put.id and u.validity @> today)
    then
        return refuse('unit-not-valid', json_build_object('at', today));
    end if;

    if exists (
        select from jsonb_to_recordset(officers) o (valid_to date)
        where o.valid_to < today)
    then
        return refuse('dates-invalid');
    end if;

    for wanted in
        select r.role
        from jsonb_array_elements_text(setting('officers.required_roles')) r (role)
        where not exists (
            select from jsonb_array_elements(officers) o
            where o -> 'roles' ? r.role)
    loop
        return refuse('roster-incomplete', json_build_object('role', wanted.role));
    end loop;

    -- Whom the list names, each person and role once, the later day wins.
    for wanted in
        select coalesce(o.issuer, caller ->> 'iss') as issuer, o.subject,
               r.role,
               case when bool_or(o.valid_to is null) then null
                    else max(o.valid_to) end as valid_to
        from jsonb_to_recordset(officers)
                 o (issuer text, subject text, roles jsonb, valid_to date)
             cross join lateral jsonb_array_elements_text(o.roles) r (role)
        group by 1, 2, 3
        order by 1, 2, 3
    loop
        -- Kept as it is: no audit line for what did not change.
        continue when exists (
            select
            from core.officer_grants g
                 join core.people p on p.id = g.person
            where g.unit = roster_put.id and g.role = wanted.role
              and p.issuer = wanted.issuer and p.subject = wanted.subject
              and g.validity @> today and g.revoked_at is null
              and g.substitute_for is null
              and g.valid_to is not distinct from wanted.valid_to);

        -- Another last day is another grant.
        for gone in
            update core.officer_grants g
            set revoked_at = core.now(), revoked_by = me,
                revoke_reason = 'roster'
            from core.people p
            where p.id = g.person
              and g.unit = roster_put.id and g.role = wanted.role
              and p.issuer = wanted.issuer and p.subject = wanted.subject
              and g.revoked_at is null and g.validity && daterange(today, wanted.valid_to, '[]')
            returning g.*
        loop
            perform event_record(caller, me, 'unit', id, 'role_revoked', id,
                'administer', jsonb_build_object('grant', gone.id,
                    'person', gone.person, 'role', gone.role));
        end loop;

        insert into core.officer_grants
               (person, unit, role, valid_from, valid_to, granted_by)
        values (person_ensure(caller, wanted.issuer, wanted.subject, me), id,
                wanted.role, today, wanted.valid_to, me)
        returning * into made;

        update core.people p set version = p.version + 1
        where p.id = made.person;

        perform event_record(caller, me, 'unit', id, 'role_granted', id,
            'administer', jsonb_build_object('grant', made.id,
                'person', made.person, 'role', made.role,
                'valid_from', made.valid_from, 'valid_to', made.valid_to));
    end loop;

    -- Who is not in the list any more, with their substitutes.
    for gone in
        update core.officer_grants g
        set revoked_at = core.now(), revoked_by = me, revoke_reason = 'roster'
        where g.unit = roster_put.id and g.revoked_at is null
          and g.role <> 'administer'
          and (g.valid_to is null or g.valid_to >= today)
          and not exists (
              select
              from core.officer_grants h
                   join core.people p on p.id = h.person
                   join jsonb_to_recordset(officers)
                            o (issuer text, subject text, roles jsonb)
                        on o.subject = p.subject
                           and coalesce(o.issuer, caller ->> 'iss') = p.issuer
                           and o.roles ? h.role
              where h.id = coalesce(g.substitute_for, g.id))
        returning g.*
    loop
        update core.people p set version = p.version + 1
        where p.id = gone.person;

        perform event_record(caller, me, 'unit', id, 'role_revoked', id,
            'administer', jsonb_build_object('grant', gone.id,
                'person', gone.person, 'role', gone.role));
    end loop;

    return (
        select row(r.status, r.etag, null, r.body)::core.reply
        from roster_get(caller, id, today) r);
end
$$;

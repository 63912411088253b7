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
    me         uuid := caller_person(caller);
    today      date := core.today();
    wanted     record;
    olds       uuid[];
    old        uuid;
    made       core.officer_grants;
    stand_ins  core.officer_grants[];
    stand_in   core.officer_grants;
begin
    perform roster_lock(id);

    perform from core.units u where u.id = roster_put.id;

    if not found then
        return null;
    end if;

    if not officer_may(me, id, 'administer') then
        return refuse('not-permitted');
    end if;

    if if_match is not null
       and if_match_misses(if_match, roster_version(id, today))
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
        select w.*, p.id as person
        from (select coalesce(o.issuer, caller ->> 'iss') as issuer, o.subject,
                     r.role,
                     case when bool_or(o.valid_to is null) then null
                          else max(o.valid_to) end as valid_to
              from jsonb_to_recordset(officers)
                       o (issuer text, subject text, roles jsonb, valid_to date)
                   cross join lateral jsonb_array_elements_text(o.roles) r (role)
              group by 1, 2, 3) w
             left join core.people p
                 on p.issuer = w.issuer and p.subject = w.subject
        order by 1, 2, 3
    loop
        -- Kept as it is: no audit line for what did not change.
        continue when exists (
            select
            from core.officer_grants g
            where g.unit = roster_put.id and g.role = wanted.role
              and g.person = wanted.person
              and g.validity @> today and g.revoked_at is null
              and g.substitute_for is null
              and g.valid_to is not distinct from wanted.valid_to);

        olds := array(
            select g.id
            from core.officer_grants g
            where g.unit = roster_put.id and g.role = wanted.role
              and g.person = wanted.person
              and g.revoked_at is null
              and g.validity && daterange(today, wanted.valid_to, '[]'));
        stand_ins := array(
            select g
            from core.officer_grants g
            where g.substitute_for = any (olds) and g.revoked_at is null);

        -- Another last day is another grant.
        foreach old in array olds loop
            perform grant_revoke(caller, me, 'administer', old, 'roster');
        end loop;

        made := null;
        made.person := person_ensure(caller, wanted.issuer, wanted.subject, me);
        made.unit := id;
        made.role := wanted.role;
        made.valid_from := today;
        made.valid_to := wanted.valid_to;
        made := grant_give(caller, me, made);

        -- Who stands in for the holder does so for this one, while it lasts.
        foreach stand_in in array stand_ins loop
            stand_in.substitute_for := made.id;
            stand_in.valid_from := greatest(stand_in.valid_from, today);
            stand_in.valid_to := least(stand_in.valid_to, made.valid_to);

            if stand_in.valid_from <= stand_in.valid_to then
                perform grant_give(caller, me, stand_in);
            end if;
        end loop;
    end loop;

    -- Who is not in the list any more, with their substitutes.
    for old in
        select g.id
        from core.officer_grants g
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
    loop
        perform grant_revoke(caller, me, 'administer', old, 'roster');
    end loop;

    return (
        select row(r.status, r.etag, null, r.body)::core.reply
        from roster_get(caller, id, today) r);
end
$$;

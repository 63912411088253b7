-- POST /v1/units/{id}/officers/{grant}/revoke: takes a role back from now on,
-- with those who stand in for its holder. What the holder did stays done.
create function officer_revoke(caller jsonb, id uuid, "grant" uuid, reason text)
returns core.reply
language plpgsql
as $$
declare
    me    uuid := caller_person(caller);
    done  core.officer_grants;
begin
    perform roster_lock(id);

    select g.* into done
    from core.officer_grants g
    where g.id = officer_revoke."grant" and g.unit = officer_revoke.id
    for update;

    if not found then
        return null;
    end if;

    if not officer_may(me, id, 'administer') then
        return refuse('not-permitted');
    end if;

    if done.revoked_at is not null or done.valid_to < core.today() then
        return refuse('grant-ended');
    end if;

    for done in
        update core.officer_grants g
        set revoked_at = core.now(), revoked_by = me, revoke_reason = reason
        where (g.id = officer_revoke."grant"
               or g.substitute_for = officer_revoke."grant")
          and g.revoked_at is null
        returning *
    loop
        update core.people p set version = p.version + 1 where p.id = done.person;

        perform event_record(caller, me, 'unit', id, 'role_revoked', id, 'administer',
            jsonb_build_object('grant', done.id, 'person', done.person,
                               'role', done.role));
    end loop;

    select g.* into done
    from core.officer_grants g
    where g.id = officer_revoke."grant";

    return row(200, null, null, grant_document(done))::core.reply;
end
$$;

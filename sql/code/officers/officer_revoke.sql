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

    perform grant_revoke(caller, me, 'administer', "grant", reason);

    select g.* into done
    from core.officer_grants g
    where g.id = officer_revoke."grant";

    return row(200, null, null, grant_document(done))::core.reply;
end
$$;

-- Takes a grant back from now on, with those that stand in for its holder, and
-- tells it in the chains of their units. role: as what the actor does it.
create function grant_revoke(caller jsonb, actor uuid, role text, "grant" uuid,
    reason text)
returns void
language plpgsql volatile
as $$
declare
    gone  core.officer_grants;
begin
    for gone in
        update core.officer_grants g
        set revoked_at = core.now(), revoked_by = actor, revoke_reason = reason
        where (g.id = grant_revoke."grant"
               or g.substitute_for = grant_revoke."grant")
          and g.revoked_at is null
        returning *
    loop
        perform event_record(caller, actor, 'unit', gone.unit, 'role_revoked',
            gone.unit, grant_revoke.role,
            jsonb_build_object('grant', gone.id, 'person', gone.person,
                               'role', gone.role));
    end loop;
end
$$;

-- Gives what the row says, and tells it in the chain of its unit.
create function grant_give(caller jsonb, actor uuid, wanted core.officer_grants)
returns core.officer_grants
language plpgsql volatile
as $$
declare
    made  core.officer_grants;
begin
    insert into core.officer_grants
           (person, unit, role, valid_from, valid_to, substitute_for, granted_by)
    values (wanted.person, wanted.unit, wanted.role, wanted.valid_from,
            wanted.valid_to, wanted.substitute_for, actor)
    returning * into made;

    perform event_record(caller, actor, 'unit', made.unit, 'role_granted',
        made.unit, 'administer',
        jsonb_build_object('grant', made.id, 'person', made.person,
                           'role', made.role, 'valid_from', made.valid_from,
                           'valid_to', made.valid_to,
                           'substitute_for', made.substitute_for));
    return made;
end
$$;

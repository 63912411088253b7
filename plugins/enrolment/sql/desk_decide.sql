-- What an officer decides about what was submitted: verify, return or refuse; the
-- office may take back what was verified. Only before the round is closed. To
-- verify, the child's number as the documents have it must be the one that was
-- given. Null: there is none of theirs.
create function desk_decide(id uuid, subject text, office boolean, decision text,
                            reason text default null, child text default null)
returns json
language plpgsql
as $$
declare
    a     applications%rowtype;
    goal  text := case decision when 'verify' then 'verified' when 'return' then 'returned'
                                else 'refused' end;
begin
    perform round_lock((select t.round from applications t where t.id = desk_decide.id));
    select * into a from applications t where t.id = desk_decide.id for update;

    -- a correction that was waited for may have made it another school's
    if a.id is null or not is_officer_of(subject, office, id) then
        return null;
    end if;

    insert into reads (subject, operation, application) values (desk_decide.subject, decision, a.id);

    if a.state <> goal then
        if (select r.stage from rounds r where r.id = a.round) <> 'taking' then
            perform refuse_with('enrolment-round-closed');
        elsif a.state <> 'submitted' and not (office and a.state = 'verified') then
            perform refuse_with('enrolment-state', jsonb_build_object('state', a.state));
        end if;
    end if;

    -- also what is verified already: who types a number is told whether it is the one
    if goal = 'verified' and a.child is distinct from desk_decide.child then
        perform refuse_with('enrolment-child-differs');
    end if;

    update applications t
       set state = goal, reason = desk_decide.reason, changed_by = desk_decide.subject
     where t.id = a.id and t.state <> goal;

    return application_document(a.id);
end
$$;

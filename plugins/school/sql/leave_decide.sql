-- PUT /v1/school/leave/{leave}/decision: by the homeroom teacher or the administrator.
create function leave_decide(caller jsonb, leave uuid, decision text, answer text default null)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    who  uuid;
    l    leave_requests%rowtype;
begin
    perform ask(caller);
    select m.student into who from my_leave m where m.id = leave_decide.leave;

    if who is null or not open_student(who, array['teacher', 'administrator']) then
        return null;
    end if;

    if not exists (select from opened_homeroom h where h.student = who)
       and not exists (select from opened o where o.student = who and o.role = 'administrator')
    then
        perform refuse('homeroom-decides');
    end if;

    select * into strict l from leave_requests r where r.id = leave_decide.leave for update;

    if decision = 'refused' and coalesce(leave_decide.answer, '') = '' then
        perform refuse('reason-missing');
    end if;

    if l.state = decision then
        return leave_document(l);
    end if;

    if l.state <> 'asked' then
        perform refuse('leave-not-open', json_build_object('state', l.state));
    end if;

    update leave_requests r
       set state = decision, answer = leave_decide.answer, decided_at = now(),
           decided_by = (select a.person from asking a)
     where r.id = leave_decide.leave
    returning * into l;

    return leave_document(l);
end
$$;

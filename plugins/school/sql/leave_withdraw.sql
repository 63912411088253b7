-- PUT /v1/school/leave/{leave}/withdrawal: by the guardian who has asked.
create function leave_withdraw(caller jsonb, leave uuid)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    who  uuid;
    l    leave_requests%rowtype;
begin
    perform ask(caller);
    select m.student into who from my_leave m where m.id = leave_withdraw.leave;

    if who is null or not open_student(who, array['guardian']) then
        return null;
    end if;

    select * into l from leave_requests r
     where r.id = leave_withdraw.leave and r.asked_by in (select a.person from asking a)
       for update;

    if l.id is null or l.state = 'withdrawn' then
        return case when l.id is not null then leave_document(l) end;
    end if;

    if l.state = 'refused' then
        perform refuse('leave-not-open', json_build_object('state', l.state));
    end if;

    update leave_requests r set state = 'withdrawn'
     where r.id = leave_withdraw.leave returning * into l;

    return leave_document(l);
end
$$;

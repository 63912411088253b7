-- POST /v1/school/students/{student}/leave: a guardian asks.
create function leave_ask(caller jsonb, student uuid, first_day date, last_day date, reason text)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    l  leave_requests%rowtype;
begin
    perform ask(caller);

    if not open_student(student, array['guardian']) then
        return null;
    end if;

    if leave_ask.first_day < today() - 7
       or leave_ask.last_day not between leave_ask.first_day and leave_ask.first_day + 30
    then
        perform refuse('days-not-in-order');
    end if;

    begin
        insert into leave_requests (student, first_day, last_day, reason, asked_by)
        select leave_ask.student, leave_ask.first_day, leave_ask.last_day, leave_ask.reason, a.person
          from asking a
        returning * into l;
    exception
        when exclusion_violation then
            perform refuse('leave-stands');
    end;

    return leave_document(l);
end
$$;

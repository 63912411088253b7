-- POST /v1/school/students/{student}/leave: a guardian asks. The same key is the same leave.
create function leave_ask(caller jsonb, student uuid, first_day date, last_day date, reason text,
                          key text default null)
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

    select r.* into l from leave_requests r join asking a on a.person = r.asked_by
     where r.key = leave_ask.key;

    if found then
        if (l.student, l.first_day, l.last_day, l.reason) <>
           (leave_ask.student, leave_ask.first_day, leave_ask.last_day, leave_ask.reason)
        then
            perform refuse('idempotency-key-reused');
        end if;

        return leave_document(l);
    end if;

    if leave_ask.first_day < today() - 7
       or leave_ask.last_day not between leave_ask.first_day and leave_ask.first_day + 30
    then
        perform refuse('days-not-in-order');
    end if;

    begin
        insert into leave_requests (student, first_day, last_day, reason, asked_by, key)
        select leave_ask.student, leave_ask.first_day, leave_ask.last_day, leave_ask.reason, a.person,
               leave_ask.key
          from asking a
        returning * into l;
    exception
        when exclusion_violation then
            perform refuse('leave-stands');
        when unique_violation then          -- the key's is of another student, so out of sight
            perform refuse('idempotency-key-reused');
    end;

    return leave_document(l);
end
$$;

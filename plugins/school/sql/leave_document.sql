-- A leave request as those see who may.
create function leave_document(l leave_requests)
returns json
language sql stable
as $$
    select json_build_object('id', l.id, 'student', l.student, 'first_day', l.first_day,
                             'last_day', l.last_day, 'reason', l.reason, 'state', l.state,
                             'asked_at', l.asked_at, 'decided_at', l.decided_at,
                             'answer', l.answer)
$$;

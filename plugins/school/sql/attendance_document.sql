-- A record of attendance as lists show it. An absence is excused as the teacher has said,
-- or when leave was approved for the day.
create function attendance_document(a attendance)
returns json
language sql stable
as $$
    select json_build_object(
        'student', a.student, 'class', a.class, 'day', a.day, 'session', a.session,
        'state', a.state, 'note', a.note,
        'excused', case when a.state = 'absent' then coalesce(a.excused, l.id is not null) end,
        'leave', l.id)
      from (select) one
      left join leave_requests l on l.student = a.student and l.state = 'approved'
                                and a.day between l.first_day and l.last_day
$$;

-- Attendance that is seen, of a student or a class. An absence is excused as the teacher
-- has said, or when leave was approved for the day.
create function attendance_documents(student uuid, class uuid, since date, until date)
returns json
language sql stable
as $$
    select coalesce(json_agg(json_build_object(
               'student', a.student, 'class', a.class, 'day', a.day, 'session', a.session,
               'state', a.state, 'note', a.note,
               'excused', case when a.state = 'absent'
                               then coalesce(a.excused, l.id is not null) end,
               'leave', l.id)
               order by a.day, a.session desc, a.student), '[]')
      from attendance a
      left join leave_requests l on l.student = a.student and l.state = 'approved'
                                and a.day between l.first_day and l.last_day
     where (attendance_documents.student is null or a.student = attendance_documents.student)
       and (attendance_documents.class is null or a.class = attendance_documents.class)
       and a.day between since and until
$$;

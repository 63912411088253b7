-- GET /v1/school/classes/{class}/attendance: of a day, with who is on leave.
create function class_attendance(caller jsonb, class uuid, day date)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if open_class(class, array['teacher', 'administrator']) then
        return query select 200, null::text, json_build_object(
            'items', (select coalesce(json_agg(attendance_document(a) order by a.session desc, a.student), '[]')
                        from attendance a
                       where a.class = class_attendance.class and a.day = class_attendance.day),
            'leave', (select coalesce(json_agg(leave_document(l) order by l.n), '[]')
                        from leave_requests l
                       where l.state = 'approved'
                         and l.student in (select m.student from my_class_students m
                                            where m.class = class_attendance.class)
                         and class_attendance.day between l.first_day and l.last_day));
    end if;
end
$$;

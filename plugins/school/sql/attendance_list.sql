-- GET /v1/school/students/{student}/attendance: of some days, with the leave of those
-- days.
create function attendance_list(caller jsonb, student uuid, since date, until date)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_student(student, array['guardian', 'teacher', 'administrator']) then
        return;
    end if;

    if until not between since and since + 366 then
        perform refuse('days-not-in-order');
    end if;

    return query select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(attendance_document(a) order by a.day, a.session desc), '[]')
                    from attendance a
                   where a.student = attendance_list.student and a.day between since and until),
        'leave', (select coalesce(json_agg(leave_document(l) order by l.first_day), '[]')
                    from leave_requests l
                   where l.student = attendance_list.student and l.state = 'approved'
                     and l.first_day <= until and since <= l.last_day));
end
$$;

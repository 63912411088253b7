-- PUT /v1/school/classes/{class}/attendance: of a session, by a teacher of the class. A
-- record takes the place of the one before.
--
-- records: [{student, state, excused, note}]
create function attendance_put(caller jsonb, class uuid, day date, session text, records jsonb)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    bad  json;
    n    int;
begin
    perform ask(caller);

    if not open_class(class, array['teacher']) then
        return null;
    end if;

    if attendance_put.day not between today() - 14 and today() then
        perform refuse('day-not-now');
    end if;

    select json_agg(x.student) into bad
      from jsonb_to_recordset(records) x (student uuid)
     where x.student not in (select m.student from my_class_students m
                              where m.class = attendance_put.class and m.role = 'teacher');

    if bad is not null then
        perform refuse('student-not-of-class', json_build_object('students', bad));
    end if;

    begin
        insert into attendance (student, class, day, session, state, excused, note, entered_by)
        select x.student, attendance_put.class, attendance_put.day, attendance_put.session,
               x.state, x.excused, x.note, a.person
          from jsonb_to_recordset(records) x (student uuid, state text, excused boolean, note text),
               asking a
         order by x.student         -- so that two who write the same wait in a row
        on conflict on constraint attendance_pkey do update
            set class = excluded.class, state = excluded.state, excused = excluded.excused,
                note = excluded.note, entered_by = excluded.entered_by, entered_at = now();
        get diagnostics n = row_count;
    exception
        when cardinality_violation then
            perform refuse('record-twice');
        when check_violation then
            perform refuse('excuse-without-absence');
        when insufficient_privilege then        -- the class before has written it down
            perform refuse('student-not-of-class', (
                select json_build_object('students', json_agg(distinct m.student))
                  from class_students m
                  join jsonb_to_recordset(records) x (student uuid) on x.student = m.student
                 where m.class = attendance_put.class and m.valid_from > attendance_put.day));
    end;

    return json_build_object('changed', n);
end
$$;

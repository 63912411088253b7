-- PUT /v1/school/classes/{class}/marks: marks of one kind, by who teaches the subject
-- there. All or none; a value that is null takes a mark back; what was before is kept.
--
-- marks: [{student, number, value}]
create function marks_put(caller jsonb, class uuid, subject text, term int, kind text, marks jsonb)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    bad   json;
    n     int;
    told  text;
begin
    perform ask(caller);

    if not open_class(class, array['teacher']) then
        return null;
    end if;

    if not exists (select from my_teachings t
                    where t.class = marks_put.class and t.subject = marks_put.subject)
    then
        perform refuse('subject-not-yours');
    end if;

    select json_agg(x.student) into bad
      from jsonb_to_recordset(marks_put.marks) x (student uuid)
     where x.student not in (select m.student from my_class_students m
                              where m.class = marks_put.class and m.role = 'teacher');

    if bad is not null then
        perform refuse('student-not-of-class', json_build_object('students', bad));
    end if;

    begin
        insert into marks as m (student, class, subject, term, kind, number, value, entered_by)
        select x.student, marks_put.class, marks_put.subject, marks_put.term, marks_put.kind,
               coalesce(x.number, 1), x.value, a.person
          from jsonb_to_recordset(marks_put.marks) x (student uuid, number int, value text), asking a
         order by x.student, coalesce(x.number, 1)      -- so that two who write the same wait in a row
        on conflict on constraint marks_pkey do update
            set value = excluded.value, entered_by = excluded.entered_by, entered_at = now()
            where m.value is distinct from excluded.value;
        get diagnostics n = row_count;
    exception
        when check_violation then
            get stacked diagnostics told = pg_exception_detail;
            perform refuse('mark-not-of-regime', coalesce(nullif(told, ''), '{}')::json);
        when cardinality_violation then
            perform refuse('mark-twice');
    end;

    return json_build_object('changed', n);
end
$$;

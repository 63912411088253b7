-- GET /v1/school/students: the children of the one who is asking, and he or she himself
-- as a student.
create function students_mine(caller jsonb)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);
    perform open_students(array(select m.student from my_students m
                                 where m.role in ('guardian', 'student')),
                          array['guardian', 'student', 'teacher', 'administrator']);

    return query
    select 200, null::text, json_build_object('items', coalesce(
        json_agg(student_document(s.id) order by s.birth_date, s.id), '[]'))
      from students s
     where s.id in (select o.student from opened o);
end
$$;

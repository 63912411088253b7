-- GET /v1/school/students/{student}
create function student_read(caller jsonb, student uuid)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    if open_student(student, array['guardian', 'student', 'teacher', 'administrator']) then
        return query select 200, null::text, student_document(student);
    end if;
end
$$;

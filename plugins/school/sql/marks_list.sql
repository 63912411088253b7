-- GET /v1/school/students/{student}/marks: of a year. A teacher sees those of what he or
-- she teaches.
create function marks_list(caller jsonb, student uuid, year int, term int, subject text)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    if open_student(student, array['guardian', 'student', 'teacher', 'administrator']) then
        return query select 200, null::text, json_build_object(
            'items', mark_documents(student, null, year, term, subject));
    end if;
end
$$;

-- GET /v1/school/students/{student}/reads: who has read the student's data, to guardians
-- and the administrator. Asking for it is one of them.
create function student_reads(caller jsonb, student uuid, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    if open_student(student, array['guardian', 'administrator']) then
        return query select 200, null::text,
            read_documents(student, null, student_reads.limit, cursor::bigint);
    end if;
end
$$;

-- GET /v1/school/students/{student}/reads: who has read the student's data, to guardians
-- and the administrator; the newest first. What was read of the whole school was read of
-- each of its students. Asking for it is one of them.
create function student_reads(caller jsonb, student uuid, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_student(student, array['guardian', 'administrator']) then
        return;
    end if;

    return query
    with page as (
        (select r, r.id from reads r
          where r.student = student_reads.student
            and (student_reads.cursor is null or r.id < split_part(student_reads.cursor, '.', 2)::bigint)
          order by r.id desc limit student_reads.limit + 1)
        union all
        (select r, r.id from reads r
          where r.student is null
            and r.school = (select s.school from students s where s.id = student_reads.student)
            and (student_reads.cursor is null or r.id < split_part(student_reads.cursor, '.', 2)::bigint)
          order by r.id desc limit student_reads.limit + 1)
    ), kept as (
        select * from page order by id desc limit student_reads.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(read_document(k.r) order by k.id desc), '[]') from kept k),
        'next', (select 'student-read.' || min(k.id) from kept k
                  where (select count(*) from page) > student_reads.limit));
end
$$;

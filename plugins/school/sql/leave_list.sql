-- GET /v1/school/students/{student}/leave: the newest first.
create function leave_list(caller jsonb, student uuid, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_student(student, array['guardian', 'teacher', 'administrator']) then
        return;
    end if;

    return query
    with page as (
        select l, l.n from leave_requests l
         where l.student = leave_list.student
           and (leave_list.cursor is null or l.n < split_part(leave_list.cursor, '.', 2)::bigint)
         order by l.n desc limit leave_list.limit + 1
    ), kept as (
        select * from page order by n desc limit leave_list.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(leave_document(k.l) order by k.n desc), '[]') from kept k),
        'next', (select 'leave.' || min(k.n) from kept k
                  where (select count(*) from page) > leave_list.limit));
end
$$;

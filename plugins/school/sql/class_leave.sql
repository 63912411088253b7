-- GET /v1/school/classes/{class}/leave: of a state, to its teachers and the administrator,
-- the oldest first.
create function class_leave(caller jsonb, class uuid, state text, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_class(class, array['teacher', 'administrator']) then
        return;
    end if;

    return query
    with page as (
        select l, l.n from leave_requests l
         where l.student in (select m.student from my_class_students m
                              where m.class = class_leave.class)
           and l.state = class_leave.state
           and (class_leave.cursor is null or l.n > split_part(class_leave.cursor, '.', 2)::bigint)
         order by l.n limit class_leave.limit + 1
    ), kept as (
        select * from page order by n limit class_leave.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(leave_document(k.l) order by k.n), '[]') from kept k),
        'next', (select 'class-leave.' || max(k.n) from kept k
                  where (select count(*) from page) > class_leave.limit));
end
$$;

-- GET /v1/school/threads: one's own, as a guardian and as a teacher, the newest first.
create function threads_list(caller jsonb, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
declare
    page  bigint[];
begin
    perform ask(caller);

    page := array(select t.n from my_threads t
                   where threads_list.cursor is null or t.n < split_part(threads_list.cursor, '.', 2)::bigint
                   order by t.n desc limit threads_list.limit + 1);

    perform open_students(array(select t.student from my_threads t
                                 where t.n = any (page[1:threads_list.limit]) and t.role = r.role),
                          array[r.role])
       from (values ('guardian'), ('teacher')) r (role);

    return query select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(thread_document(t) order by t.n desc), '[]')
                    from threads t where t.n = any (page[1:threads_list.limit])),
        'next', case when cardinality(page) > threads_list.limit
                     then 'thread.' || page[threads_list.limit] end);
end
$$;

-- GET /v1/school/threads/{thread}: its messages, the oldest first.
create function thread_read(caller jsonb, thread uuid, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
declare
    mine  my_threads%rowtype;
begin
    perform ask(caller);
    select * into mine from my_threads t where t.id = thread_read.thread;

    if mine.id is null or not open_student(mine.student, array[mine.role]) then
        return;
    end if;

    return query
    with page as (
        select m, m.id from messages m
         where m.thread = mine.id
           and (thread_read.cursor is null or m.id > split_part(thread_read.cursor, '.', 2)::bigint)
         order by m.id limit thread_read.limit + 1
    ), kept as (
        select * from page order by id limit thread_read.limit
    )
    select 200, null::text, json_build_object(
        'thread', (select thread_document(t) from threads t where t.id = mine.id),
        'items', (select coalesce(json_agg(message_document(k.m) order by k.id), '[]') from kept k),
        'next', (select 'message.' || max(k.id) from kept k
                  where (select count(*) from page) > thread_read.limit));
end
$$;

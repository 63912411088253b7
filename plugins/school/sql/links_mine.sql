-- GET /v1/school/links: one's own, the newest first.
create function links_mine(caller jsonb, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);
    perform open_students(array(select m.student from my_students m
                                 where m.role in ('guardian', 'student')),
                          array['guardian', 'student']);

    return query
    with page as (
        select l, l.n from links l
         where l.person in (select a.person from asking a)
           and (links_mine.cursor is null or l.n < split_part(links_mine.cursor, '.', 2)::bigint)
         order by l.n desc limit links_mine.limit + 1
    ), kept as (
        select * from page order by n desc limit links_mine.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(link_document(k.l) order by k.n desc), '[]') from kept k),
        'next', (select 'link.' || min(k.n) from kept k
                  where (select count(*) from page) > links_mine.limit));
end
$$;

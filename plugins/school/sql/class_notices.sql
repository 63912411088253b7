-- GET /v1/school/classes/{class}/notices: to its teachers and the administrator, with the
-- students whose guardians have read them; the newest first.
create function class_notices(caller jsonb, class uuid, "limit" int, cursor text)
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
        (select x, x.n as place from notices x
          where x.class = class_notices.class
            and (class_notices.cursor is null or x.n < split_part(class_notices.cursor, '.', 2)::bigint)
          order by x.n desc limit class_notices.limit + 1)
        union all
        (select x, x.n from notices x
          where x.class is null and x.school = (select c.school from classes c
                                                 where c.id = class_notices.class)
            and (class_notices.cursor is null or x.n < split_part(class_notices.cursor, '.', 2)::bigint)
          order by x.n desc limit class_notices.limit + 1)
    ), kept as (
        select * from page order by place desc limit class_notices.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(json_build_object(
                      'notice', notice_document(k.x),
                      'read_for', (select coalesce(json_agg(distinct r.student), '[]')
                                     from notice_receipts r
                                    where r.notice = (k.x).id
                                      and r.student in (select m.student from my_class_students m
                                                         where m.class = class_notices.class)))
                      order by k.place desc), '[]') from kept k),
        'next', (select 'class-notice.' || min(k.place) from kept k
                  where (select count(*) from page) > class_notices.limit));
end
$$;

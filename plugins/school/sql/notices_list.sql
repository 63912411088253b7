-- GET /v1/school/students/{student}/notices: to a guardian, of the student's classes and
-- school, up to the day on which the student has left, the newest first.
create function notices_list(caller jsonb, student uuid, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_student(student, array['guardian']) then
        return;
    end if;

    return query
    with places as (
        select s.class, s.school, s.until from opened_stays s
         where s.student = notices_list.student
    ), page as (
        (select x, x.n as place from notices x join places p on p.class = x.class
          where day_of(x.published_at) <= p.until
            and (notices_list.cursor is null or x.n < split_part(notices_list.cursor, '.', 2)::bigint)
          order by x.n desc limit notices_list.limit + 1)
        union all
        (select x, x.n
           from notices x
           join (select p.school, max(p.until) as until from places p group by p.school) p on p.school = x.school
          where x.class is null and day_of(x.published_at) <= p.until
            and (notices_list.cursor is null or x.n < split_part(notices_list.cursor, '.', 2)::bigint)
          order by x.n desc limit notices_list.limit + 1)
    ), kept as (
        select * from page order by place desc limit notices_list.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(notice_document(k.x, r.read_at) order by k.place desc), '[]')
                    from kept k
                    left join notice_receipts r
                           on r.notice = (k.x).id and r.student = notices_list.student
                              and r.person in (select a.person from asking a)),
        'next', (select 'notice.' || min(k.place) from kept k
                  where (select count(*) from page) > notices_list.limit));
end
$$;

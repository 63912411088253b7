-- GET /v1/school/schools/{school}/reads: the same of a school, to its administrator.
create function school_reads(caller jsonb, school text, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if not open_school(school) then
        return;
    end if;

    return query
    with page as (
        select r, r.id from reads r
         where r.school = school_reads.school
           and (school_reads.cursor is null or r.id < split_part(school_reads.cursor, '.', 2)::bigint)
         order by r.id desc limit school_reads.limit + 1
    ), kept as (
        select * from page order by id desc limit school_reads.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(read_document(k.r) order by k.id desc), '[]') from kept k),
        'next', (select 'school-read.' || min(k.id) from kept k
                  where (select count(*) from page) > school_reads.limit));
end
$$;

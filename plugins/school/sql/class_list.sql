-- GET /v1/school/classes: those that the one who is asking teaches, and those of schools
-- that he or she administers; of a year. No student's data.
create function class_list(caller jsonb, year int, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    return query
    with mine as (
        select c.id from classes c join my_schools m on m.school = c.school
         where c.year = class_list.year
        union
        select t.class from my_teachings t
    ), page as (
        select c, c.school || ' ' || c.code as place
          from classes c join mine on mine.id = c.id
         where c.year = class_list.year
           and (class_list.cursor is null or c.school || ' ' || c.code > substr(class_list.cursor, 7))
         order by 2
         limit class_list.limit + 1
    ), kept as (
        select * from page order by place limit class_list.limit
    )
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(class_document(k.c) order by k.place), '[]') from kept k),
        'next', (select 'class.' || max(k.place) from kept k
                  where (select count(*) from page) > class_list.limit));
end
$$;

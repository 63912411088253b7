-- GET /v1/school/classes/{class}/marks: of the students of a class in a subject and a term,
-- to who teaches it, the homeroom teacher and the administrator.
create function class_marks(caller jsonb, class uuid, subject text, term int)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if open_class(class, array['teacher', 'administrator']) then
        return query
        select 200, null::text, json_build_object('items', coalesce(
                   json_agg(mark_document(m, c.year)
                            order by m.student, mark_order(m.kind), m.number), '[]'))
          from marks m
          join classes c on c.id = m.class
         where m.student in (select s.student from my_class_students s
                              where s.class = class_marks.class)
           and c.year = (select x.year from classes x where x.id = class_marks.class)
           and m.subject = class_marks.subject and m.term = class_marks.term and m.value is not null;
    end if;
end
$$;

-- GET /v1/school/students/{student}/marks: of a year. A teacher sees those of what he or
-- she teaches.
create function marks_list(caller jsonb, student uuid, year int, term int, subject text)
returns table (status int, etag text, body json)
language plpgsql
as $$
#variable_conflict use_column
begin
    perform ask(caller);

    if open_student(student, array['guardian', 'student', 'teacher', 'administrator']) then
        return query
        select 200, null::text, json_build_object('items', coalesce(
                   json_agg(mark_document(m, c.year)
                            order by m.term, m.subject, mark_order(m.kind), m.number), '[]'))
          from marks m
          join classes c on c.id = m.class
         where m.student = marks_list.student and c.year = marks_list.year
           and m.term = coalesce(marks_list.term, m.term)
           and m.subject = coalesce(marks_list.subject, m.subject)
           and m.value is not null;
    end if;
end
$$;

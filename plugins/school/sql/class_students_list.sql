-- GET /v1/school/classes/{class}/students: the class of today.
create function class_students_list(caller jsonb, class uuid)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    if open_class(class, array['teacher', 'administrator']) then
        return query
        select 200, null::text, json_build_object('items', coalesce(json_agg(
                   json_build_object('id', s.id, 'code', s.code, 'name', s.name,
                                     'birth_date', s.birth_date) order by s.code), '[]'))
          from students s
         where s.id in (select m.student from my_class_students m
                         where m.class = class_students_list.class);
    end if;
end
$$;

-- A student as those see who may: the class of today, and who teaches there.
create function student_document(id uuid)
returns json
language sql stable
as $$
    select json_build_object(
        'id', s.id, 'school', s.school, 'code', s.code, 'name', s.name,
        'birth_date', s.birth_date,
        'roles', (select json_agg(o.role order by o.role) from opened o where o.student = s.id),
        'class', (select class_document(c)
                    from class_students m join classes c on c.id = m.class
                   where m.student = s.id and m.valid_from <= today() and today() < m.valid_to
                   order by m.year desc limit 1),
        'teachers', coalesce((
            select json_agg(json_build_object('staff', t.staff, 'name', f.name, 'subject', t.subject)
                            order by t.subject nulls first, f.code)
              from class_students m
              join teachings t on t.class = m.class
              join staff f on f.id = t.staff
             where m.student = s.id and m.valid_from <= today() and today() < m.valid_to
               and t.valid_from <= today() and today() < t.valid_to), '[]'))
      from students s
     where s.id = student_document.id
$$;

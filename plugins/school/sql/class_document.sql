-- A class as lists show it.
create function class_document(c classes)
returns json
language sql stable
as $$
    select json_build_object('id', c.id, 'school', c.school, 'year', c.year, 'code', c.code,
                             'name', c.name, 'grade', c.grade)
$$;

-- Opens one student; false: the one who is asking has no such right.
create function open_student(student uuid, roles text[])
returns boolean
language plpgsql
as $$
begin
    perform open_students(array[open_student.student], roles);

    return exists (select from opened o
                    where o.student = open_student.student and o.role = any (roles));
end
$$;

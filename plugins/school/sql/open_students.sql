-- Opens those of some students to whom the one who is asking has a right in one of some
-- roles, and writes each down. What was opened already stays open.
create function open_students(students uuid[], roles text[])
returns void
language sql
as $$
    insert into reads (call, school, student, role)
    select a.call, m.school, m.student, m.role
      from asking a, my_students m
     where m.student = any (students) and m.role = any (roles)
    on conflict do nothing
$$;

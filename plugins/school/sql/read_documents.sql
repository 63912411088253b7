-- What was read, of a student or a school, the newest first: who, what, when, as which.
-- What was read of the whole school was read of each of its students.
create function read_documents(student uuid, school text, n int, before bigint)
returns json
language sql stable
as $$
    with page as (
        select r.id, r.student, r.role, c.person, c.operation, c.request, c.at
          from reads r join calls c on c.id = r.call
         where (read_documents.student is null
                or r.student = read_documents.student
                or r.student is null and r.school = (select s.school from students s
                                                      where s.id = read_documents.student))
           and (read_documents.school is null or r.school = read_documents.school)
           and (before is null or r.id < before)
         order by r.id desc limit n + 1
    ), kept as (
        select * from page order by id desc limit n
    )
    select json_build_object(
        'items', (select coalesce(json_agg(json_build_object(
                      'at', k.at, 'person', k.person, 'role', k.role, 'operation', k.operation,
                      'request', k.request, 'student', k.student) order by k.id desc), '[]') from kept k),
        'next', (select min(k.id)::text from kept k where (select count(*) from page) > n))
$$;

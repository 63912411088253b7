-- PUT /v1/school/students/{student}/link-code: a code for the family, in place of the one
-- before. Its SHA-256 comes here, the code itself goes to the administrator alone.
create function link_code_put(caller jsonb, student uuid, kind text, days int, hash text)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    until  timestamptz := now() + make_interval(days => days);
begin
    perform ask(caller);

    if not open_student(student, array['administrator']) then
        return null;
    end if;

    if link_code_put.kind = 'student' and not exists (
           select from class_students m join classes c on c.id = m.class
            where m.student = link_code_put.student and c.grade >= account_grade()
              and m.valid_from <= today() and today() < m.valid_to)
    then
        perform refuse('student-too-young');
    end if;

    -- Codes of one student are made one after the other: each takes the place of another.
    perform ihanoi_host.lock('school link code ' || student);

    update link_codes c set expires_at = now()
     where c.student = link_code_put.student and c.kind = link_code_put.kind
       and c.used_at is null and now() < c.expires_at;

    insert into link_codes (hash, student, kind, expires_at, issued_by)
    select decode(link_code_put.hash, 'hex'), link_code_put.student, link_code_put.kind, until, a.person
      from asking a;

    return json_build_object('student', student, 'kind', kind, 'expires_at', until);
end
$$;

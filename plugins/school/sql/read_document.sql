-- A row of the audit: who, what, when, as which, of whom.
create function read_document(r reads)
returns json
language sql stable
as $$
    select json_build_object(
        'at', c.at, 'person', c.person, 'role', r.role, 'operation', c.operation,
        'request', c.request, 'student', r.student)
      from calls c
     where c.id = r.call
$$;

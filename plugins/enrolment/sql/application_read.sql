-- GET /v1/enrolment/applications/{id}: its guardian's only.
create function application_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, application_document(a.id)
      from applications a
     where a.id = application_read.id and a.guardian = subject_of(caller)
$$;

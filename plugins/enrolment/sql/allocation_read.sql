-- GET /v1/enrolment/allocations/{id}
create function allocation_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, allocation_document(a.id)
      from allocations a
     where a.id = allocation_read.id
$$;

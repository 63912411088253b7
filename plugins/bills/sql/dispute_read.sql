-- GET /v1/bills/disputes/{id}: one's own.
create function dispute_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, dispute_document(d)::json
      from disputes d
     where d.id = dispute_read.id and d.citizen = subject_of(caller)
$$;

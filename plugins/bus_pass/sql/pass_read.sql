-- GET /v1/bus-passes/{id}: the caller's own.
create function pass_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, pass_document(p)
      from passes p
     where p.id = pass_read.id
       and p.holder = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
$$;

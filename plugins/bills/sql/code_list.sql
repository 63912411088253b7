-- GET /v1/bills/codes: one's own; there are few.
create function code_list(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text,
           json_build_object('items', coalesce(json_agg(code_document(c) order by c.created_at, c.id), '[]'))
      from codes c
     where c.citizen = subject_of(caller)
$$;

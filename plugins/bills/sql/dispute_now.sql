create function dispute_now(id uuid)
returns jsonb
language sql stable
as $$
    select dispute_document(d) from disputes d where d.id = dispute_now.id
$$;

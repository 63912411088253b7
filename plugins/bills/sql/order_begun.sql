-- An order whose payment has begun, as its citizen sees it; null while it has not.
create function order_begun(id uuid)
returns jsonb
language sql stable
as $$
    select order_document(o) from orders o where o.id = order_begun.id and o.state <> 'created'
$$;

-- GET /v1/bills/orders/{id}: one's own.
create function order_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, order_document(o)::json
      from orders o
     where o.id = order_read.id and o.citizen = subject_of(caller)
$$;

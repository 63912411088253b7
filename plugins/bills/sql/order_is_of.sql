-- Whether an order is of this kind and carrier; null when it is not.
create function order_is_of(id uuid, kind text, carrier text default null)
returns boolean
language sql stable
as $$
    select true
      from orders o
     where o.id = order_is_of.id and o.kind = order_is_of.kind
       and o.carrier is not distinct from order_is_of.carrier
$$;

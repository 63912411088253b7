-- An order that payments does not take: nobody can pay it.
create function order_void(id uuid, why text)
returns jsonb
language plpgsql
as $$
begin
    update orders o
       set state = 'cancelled', why = coalesce(o.why, order_void.why), ended_at = now()
     where o.id = order_void.id and o.payment is null and o.state in ('created', 'cancelling');

    return (select order_document(o) from orders o where o.id = order_void.id);
end
$$;

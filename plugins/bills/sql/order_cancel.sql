-- An order that payments does not take: nobody can pay it.
create function order_cancel(id uuid, why text)
returns jsonb
language plpgsql
as $$
begin
    update orders o
       set state = 'cancelled', why = order_cancel.why, ended_at = now()
     where o.id = order_cancel.id and o.state = 'created';

    return (select order_document(o) from orders o where o.id = order_cancel.id);
end
$$;

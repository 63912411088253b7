-- Payments has promised to give the money of a refused order back.
create function order_refunding(id uuid)
returns jsonb
language plpgsql
as $$
begin
    update orders o set state = 'refunding' where o.id = order_refunding.id and o.state = 'refused';

    return (select order_document(o) from orders o where o.id = order_refunding.id);
end
$$;

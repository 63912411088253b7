-- An order to pay a bill, of the amount that the citizen has seen; or the one that
-- the citizen has begun. Another one's is refused: a bill is paid once.
create function bill_order(id uuid, citizen text, key text, bill uuid, gateway text, amount bigint,
                           open_orders int, step int)
returns jsonb
language plpgsql
as $$
declare
    b  bills%rowtype;
    o  orders%rowtype;
begin
    perform ihanoi_host.lock('orders of ' || bill_order.citizen);

    o := order_again(bill_order.citizen, 'bill', bill_order.key, bill_order.bill, null, null,
                     bill_order.gateway, bill_order.amount);

    if o.id is not null then
        return order_document(o);
    end if;

    b := bill_visible(bill_order.citizen, bill_order.bill);

    if b.id is null then
        return null;
    end if;

    if b.state = 'paid' then
        raise exception using errcode = 'IH001', message = 'bill-paid';
    elsif b.amount <> bill_order.amount then
        raise exception using errcode = 'IH001', message = 'bill-amount-changed',
            detail = jsonb_build_object('amount', b.amount)::text;
    end if;

    -- Waits for whoever is making one, and then sees it.
    perform ihanoi_host.lock('bill ' || b.id);

    select * into o from orders t
     where t.bill = b.id and t.stands;

    if found then
        if o.state = 'delivered' then
            raise exception using errcode = 'IH001', message = 'bill-paid';
        elsif o.citizen <> bill_order.citizen or o.gateway <> bill_order.gateway
              or o.amount <> bill_order.amount or o.state not in ('created', 'paying')
        then
            raise exception using errcode = 'IH001', message = 'bill-being-paid';
        end if;

        update orders t set again_at = now() where t.id = o.id;
        return order_document(o);
    end if;

    perform orders_open_check(bill_order.citizen, open_orders);

    insert into orders (id, kind, citizen, key, bill, gateway, amount, due_at)
    values (bill_order.id, 'bill', bill_order.citizen, bill_order.key, b.id, bill_order.gateway,
            bill_order.amount, now() + make_interval(secs => step))
    returning * into o;

    return order_document(o);
end
$$;

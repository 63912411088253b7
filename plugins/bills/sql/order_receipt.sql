-- GET /v1/bills/orders/{id}/receipt: what was paid to whom, and the company's number
-- of it; and what has gone back since. There is none before the company has said that it is done.
create function order_receipt(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
declare
    o  orders%rowtype;
begin
    select * into o from orders t
     where t.id = order_receipt.id and t.citizen = subject_of(caller);

    if not found then
        return;
    end if;

    if o.state <> 'delivered' then
        return query select null::int, null::text,
            json_build_object('code', 'order-not-delivered', 'state', o.state);
        return;
    end if;

    return query
    select 200, null::text, (jsonb_strip_nulls(jsonb_build_object(
               'receipt', o.receipt, 'order', o.id, 'payment', o.payment, 'kind', o.kind,
               'amount', o.amount, 'refunded', nullif(o.refunded, 0),
               'gateway', o.gateway, 'paid_at', o.paid_at,
               'delivered_at', o.ended_at, 'phone', '+' || o.phone,
               'carrier', (select c.name from carriers c where c.code = o.carrier)))
           || coalesce((select jsonb_build_object('bill', bill_brief(b) - 'state')
                          from bills b where b.id = o.bill), '{}'))::json;
end
$$;

-- An order as its citizen sees it.
create function order_document(o orders)
returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
               'id', o.id, 'kind', o.kind, 'amount', o.amount, 'gateway', o.gateway,
               'state', o.state, 'payment', o.payment,
               'phone', '+' || o.phone, 'carrier', o.carrier,
               'bill', (select jsonb_build_object('id', b.id, 'number', b.number, 'customer', b.customer,
                                                  'period_from', b.period_from, 'period_to', b.period_to)
                          from bills b where b.id = o.bill),
               'receipt', o.receipt, 'refunded', nullif(o.refunded, 0),
               'why', case when not o.stands then o.why end,
               'created_at', o.created_at, 'changed_at', o.changed_at,
               'paid_at', o.paid_at, 'ended_at', o.ended_at))
           || case when o.state = 'paying'
                   then jsonb_build_object('checkout', o.checkout, 'expires_at', o.expires_at)
                   else '{}' end
$$;

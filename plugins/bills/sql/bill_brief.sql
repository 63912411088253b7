create function bill_brief(b bills)
returns jsonb
language sql stable
as $$
    select jsonb_build_object('id', b.id, 'number', b.number, 'customer', b.customer,
                              'period_from', b.period_from, 'period_to', b.period_to,
                              'kwh', b.kwh, 'amount', b.amount, 'due_on', b.due_on,
                              'state', bill_state(b))
$$;

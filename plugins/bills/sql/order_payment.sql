-- What has become of an order's payment, as payments says; the order after that.
-- Again, or late, it changes nothing. What has gone back of an order that its company has,
-- or may have, is written down; order_due() and the company decide what follows.
create function order_payment(id uuid, payment uuid, payment_state text, step int,
                              checkout jsonb default null, expires_at timestamptz default null,
                              refunded bigint default 0)
returns jsonb
language plpgsql
as $$
declare
    o     orders%rowtype;
    next  text;
begin
    select * into o from orders t where t.id = order_payment.id for update;

    if not found or o.payment is not null and o.payment <> order_payment.payment then
        return null;
    end if;

    next := case
        when o.state in ('refused', 'refunding') then
            case payment_state when 'refunded' then 'refunded' end
        when o.state in ('created', 'paying', 'cancelling') then
            case payment_state
                when 'pending' then case o.state when 'created' then 'paying' else o.state end
                when 'succeeded' then case o.state when 'cancelling' then 'refused' else 'paid' end
                when 'failed' then 'cancelled'
                when 'expired' then 'cancelled'
                when 'partly_refunded' then 'refused'
                when 'refunded' then 'refunded' end end;
    next := coalesce(next, o.state);

    if next = o.state and o.payment is not null and order_payment.refunded <= o.refunded then
        return order_document(o);
    end if;

    update orders t
       set state = next,
           payment = order_payment.payment,
           refunded = greatest(t.refunded, order_payment.refunded),
           changed_at = now(),
           checkout = case when next = 'paying' then order_payment.checkout else t.checkout end,
           expires_at = coalesce(order_payment.expires_at, t.expires_at),
           paid_at = case when next in ('paid', 'refused', 'refunded')
                          then coalesce(t.paid_at, now()) else t.paid_at end,
           ended_at = case when next in ('cancelled', 'refunded') then now() else t.ended_at end,
           why = case when next in ('cancelled', 'refused')
                      then coalesce(t.why, 'payment ' || payment_state) else t.why end,
           due_at = case next when o.state then t.due_at
                              when 'paying' then now() + make_interval(secs => step)
                              else now() end
     where t.id = o.id
    returning * into o;

    return order_document(o);
end
$$;

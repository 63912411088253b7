-- Promises an amount of a paid charge to its payer; none is none. It is sent from
-- refunds_due() on, as often as it takes.
create function refund_request(charge uuid, amount bigint, reason text)
returns void
language sql
as $$
    insert into refunds (charge, booking, paid, amount, reason)
    select c.id, c.booking, c.amount, refund_request.amount, refund_request.reason
      from charges c
     where c.id = refund_request.charge and refund_request.amount > 0
$$;

-- Permission to send an order once more: the company says that it knows nothing of
-- it, and what was sent before has had time to arrive (seconds). The number of the
-- sending, null when it is not to be sent. Nothing is out of one that has gone back
-- meanwhile; the rest is order_due()'s.
create function order_send(id uuid, settle int)
returns int
language sql
as $$
    update orders o
       set sends = o.sends + (o.refunded = 0)::int,
           sent_at = case when o.refunded = 0 then now() end
     where o.id = order_send.id and o.state = 'sending'
       and o.sent_at <= now() - make_interval(secs => settle)
    returning case when o.refunded = 0 then o.sends end
$$;

-- Permission to send an order once more: the company says that it knows nothing of
-- it, and what was sent before has had time to arrive (seconds). The number of the
-- sending, null when it is not to be sent.
create function order_send(id uuid, settle int)
returns int
language sql
as $$
    update orders o
       set sends = o.sends + 1, sent_at = now()
     where o.id = order_send.id and o.state = 'sending'
       and o.sent_at <= now() - make_interval(secs => settle)
    returning o.sends
$$;

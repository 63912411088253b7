-- Refunds to be sent, or asked about (times in seconds since 1970): each is given to one caller, and from
-- then on it counts as sent, since nobody could say otherwise if the caller
-- died. The first attempt (1) sends; a later one asks the gateway first. Those of gateways
-- that are silent now wait.
create function refunds_due(n int, step int, which uuid default null, silent jsonb default '[]')
returns table (id uuid, number text, amount bigint, reason text, attempt int,
               gateway text, intent_number text, intent_created_at bigint,
               transaction text, whole boolean)
language sql
as $$
    update refunds f
       set state = 'sent',
           sent_at = coalesce(f.sent_at, now()),
           attempts = f.attempts + 1,
           due_at = now() + make_interval(secs => step * (2 ^ least(f.attempts, 6))::int)
      from (select d.id from refunds d join receipts o on o.id = d.receipt
             where d.state in ('requested', 'sent')
               and case when which is null then d.due_at <= now()
                        else d.id = which and d.state = 'requested' end
               and not silent ? o.gateway
             order by d.due_at
             limit n
               for update of d skip locked) due, receipts r, intents i
     where f.id = due.id and r.id = f.receipt and i.id = f.intent
    returning f.id, f.number, f.amount, f.reason, f.attempts, r.gateway, i.number,
              floor(extract(epoch from i.created_at))::bigint, r.transaction, f.amount = r.amount
$$;

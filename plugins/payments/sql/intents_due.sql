-- Intents that the gateway is to be asked about: those whose time to check has come, but
-- of gateways that are silent now, or the one named. Each is given to one caller; the next
-- look at it is later each time, and once soon after it expires.
create function intents_due(n int, step int, which uuid default null, silent jsonb default '[]')
returns table (id uuid, number text, gateway text, amount bigint, state text,
               created_at bigint, over boolean)
language sql
as $$
    update intents i
       set checks = i.checks + 1,
           check_at = case when i.expires_at > now()
                           then least(now() + make_interval(secs => step * (2 ^ least(i.checks, 6))::int),
                                      i.expires_at + make_interval(secs => step))
                           else now() + make_interval(secs => step * (2 ^ least(i.checks, 6))::int) end
      from (select d.id from intents d
             where d.state in ('created', 'pending')
               and case when which is null then d.check_at <= now() else d.id = which end
               and not silent ? d.gateway
             order by d.check_at
             limit n
               for update skip locked) due
     where i.id = due.id
    returning i.id, i.number, i.gateway, i.amount, i.state,
              floor(extract(epoch from i.created_at))::bigint, i.expires_at <= now()
$$;

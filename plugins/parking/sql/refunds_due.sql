-- Refunds that payments is to be asked for, or about: the same key is the same
-- refund, so asking again does no harm. Of one booking, of one payment, or all that
-- are due; each is given to one caller.
--
-- Planned with its values: of one, that one is read, however many wait.
create function refunds_due(n int, booking uuid default null, intent uuid default null)
returns table (id uuid, payment uuid, amount bigint, reason text)
language plpgsql
set plan_cache_mode = force_custom_plan
as $$
begin
    return query
    update refunds r
       set attempts = r.attempts + 1,
           due_at = now() + make_interval(secs => least(60 * 2 ^ least(r.attempts, 6), 3600))
      from (select d.id, c.intent
              from refunds d join charges c on c.id = d.charge
             where d.state = 'requested'
               and case when refunds_due.booking is not null then d.booking = refunds_due.booking
                        when refunds_due.intent is not null then c.intent = refunds_due.intent
                        else d.due_at <= now() end
             order by d.due_at
             limit n
               for update of d skip locked) due
     where r.id = due.id
    returning r.id, due.intent, r.amount, r.reason;
end
$$;

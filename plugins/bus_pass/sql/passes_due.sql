-- Passes about which payments is to be asked: those that wait for money, that have lapsed
-- and may still be paid, or whose money is to go back. Each is given to one caller, and
-- looked at again later each time, an hour apart at most; those that have lapsed come last,
-- for they were not looked at once and are many. which: only this one, now.
create function passes_due(n int, which uuid default null)
returns table (id uuid, code text, holder text, month text, price bigint, gateway text,
               payment uuid, refund text)
language sql
as $$
    update passes p
       set check_at = now() + least(interval '1 hour',
                                    greatest(interval '1 minute', now() - p.created_at))
      from (select d.id from passes d
             where (d.state = 'pending' or d.refund in ('due', 'sent')
                    or d.state = 'lapsed' and d.refund is null and not d.closed)
               and case when which is null then d.check_at <= now() else d.id = which end
             order by d.state = 'lapsed' and d.refund is null, d.check_at
             limit n
               for update skip locked) due
     where p.id = due.id
    returning p.id, p.code, p.holder, to_char(p.month, 'MM/YYYY'), p.price, p.gateway,
              p.payment, p.refund
$$;

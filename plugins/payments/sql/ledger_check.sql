-- What must never be: a row for each thing that is wrong, none when all is
-- well. The constraints keep each of these; this reads the whole ledger.
create function ledger_check()
returns table (wrong text, subject text, amount numeric)
language sql stable
as $$
    select 'entry does not balance', e.id::text, coalesce(sum(l.amount), 0)
      from ledger_entries e left join ledger_lines l on l.entry = e.id
     group by e.id having count(l.entry) < 2 or coalesce(sum(l.amount), 0) <> 0

    union all
    select 'receipt is not booked as it is', r.id::text, r.amount
      from receipts r
     where not exists (select from ledger_entries e
                         join ledger_lines d on d.entry = e.id and d.amount = r.amount
                          and d.account = 'gateway:' || r.gateway
                         join ledger_lines c on c.entry = e.id and c.amount = -r.amount
                          and c.account = receipt_account(r.id)
                        where e.kind = 'received' and e.subject = r.id)

    union all
    select 'refund is not booked as it is', f.id::text, f.amount
      from refunds f
     where (select array_agg(e.kind order by e.kind) from ledger_entries e where e.subject = f.id)
           is distinct from case f.state when 'done' then array['refund_paid', 'refund_promised']
                                         when 'refused' then array['refund_promised', 'refund_refused']
                                         else array['refund_promised'] end

    union all
    select 'account differs from what it is for', a.code, a.booked - a.meant
      from (select g.code,
                   coalesce((select sum(l.amount) from ledger_lines l where l.account = g.code), 0) as booked,
                   case split_part(g.code, ':', 1)
                   when 'gateway' then
                       (select coalesce(sum(r.amount), 0) from receipts r where 'gateway:' || r.gateway = g.code)
                       - (select coalesce(sum(f.amount), 0) from refunds f join receipts r on r.id = f.receipt
                           where f.state = 'done' and 'gateway:' || r.gateway = g.code)
                   when 'refunding' then
                       -(select coalesce(sum(f.amount), 0) from refunds f join receipts r on r.id = f.receipt
                          where f.state in ('requested', 'sent') and 'refunding:' || r.gateway = g.code)
                   else
                       -(select coalesce(sum(r.amount - r.promised), 0) from receipts r
                          where receipt_account(r.id) = g.code)
                   end as meant
              from ledger_accounts g) a
     where a.booked <> a.meant

    union all
    select 'intent has another number of receipts', i.id::text, count(r.id)
      from intents i left join receipts r on r.intent = i.id and r.verdict = 'applied'
     group by i.id, i.state
    having count(r.id) <> case when i.state in ('succeeded', 'partly_refunded', 'refunded') then 1 else 0 end
$$;

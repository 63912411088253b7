-- What must never be: a row for each thing that is wrong, none when all is
-- well. The constraints keep each of these; this reads the whole ledger.
create function ledger_check()
returns table (wrong text, subject text, amount numeric)
language sql stable
as $$
    with held as (
        select r.*, case r.verdict when 'applied' then 'payee:' || i.service
                                   else 'unapplied:' || r.gateway end as account
          from receipts r join intents i on i.id = r.intent
    ), meant as (
        select x.account, sum(x.amount) as amount
          from (select 'gateway:' || r.gateway as account, r.amount from receipts r
                 union all
                select case when f.by_hand then 'hand:' else 'gateway:' end || r.gateway, -f.amount
                  from refunds f join receipts r on r.id = f.receipt where f.state = 'done'
                 union all
                select 'refunding:' || r.gateway, -f.amount
                  from refunds f join receipts r on r.id = f.receipt
                 where f.state in ('requested', 'sent')
                 union all
                select h.account, h.promised - h.amount from held h) x
         group by x.account
    ), booked as (
        select l.account, sum(l.amount) as amount from ledger_lines l group by l.account
    )
    select 'entry does not balance', e.id::text, coalesce(sum(l.amount), 0)
      from ledger_entries e left join ledger_lines l on l.entry = e.id
     group by e.id having count(l.entry) < 2 or coalesce(sum(l.amount), 0) <> 0

    union all
    select 'receipt is not booked as it is', h.id::text, h.amount
      from held h
     where not exists (select from ledger_entries e, ledger_lines d, ledger_lines c
                        where e.kind = 'received' and e.subject = h.id
                          and d.entry = e.id and d.amount = h.amount
                          and d.account = 'gateway:' || h.gateway
                          and c.entry = e.id and c.amount = -h.amount and c.account = h.account)

    union all
    select 'refund is not booked as it is', f.id::text, f.amount
      from refunds f
      left join (select e.subject, array_agg(e.kind order by e.kind) as kinds
                   from ledger_entries e where e.kind <> 'received' group by e.subject) b
        on b.subject = f.id
     where b.kinds is distinct from case f.state
                                    when 'done' then array['refund_paid', 'refund_promised']
                                    when 'refused' then array['refund_promised', 'refund_refused']
                                    else array['refund_promised'] end

    union all
    select 'account differs from what it is for', g.code,
           coalesce(b.amount, 0) - coalesce(m.amount, 0)
      from ledger_accounts g
      left join booked b on b.account = g.code
      left join meant m on m.account = g.code
     where coalesce(b.amount, 0) <> coalesce(m.amount, 0)

    union all
    select 'intent has another number of receipts', i.id::text, count(r.id)
      from intents i left join receipts r on r.intent = i.id and r.verdict = 'applied'
     group by i.id, i.state
    having count(r.id) <> case when i.state in ('succeeded', 'partly_refunded', 'refunded') then 1 else 0 end
$$;

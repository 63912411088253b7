-- GET /v1/payments/refunds: what people have to look after, the oldest first. Of refunds
-- that were sent, those that no gateway will tell of: they are made by hand, or a person
-- finds out what became of them. Of those that were refused, the last one of money that was
-- never applied, while some of it is left: no service asks for that again. Of whom it is
-- is not told, but where it came from: the cursor has the id of the last one that was given.
create function payments_refunds(caller jsonb, gateway text, cursor text, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select f.id, row_number() over (order by f.requested_at, f.id) as n,
               refund_document(f.id) || jsonb_build_object(
                   'gateway', r.gateway, 'payment', i.id, 'payment_number', i.number,
                   'service', i.service, 'reference', i.reference,
                   'received', jsonb_build_object('transaction', r.transaction, 'amount', r.amount,
                                                  'left', r.amount - r.promised,
                                                  'paid_at', r.paid_at)) as document
          from refunds f
          join receipts r on r.id = f.receipt
          join intents i on i.id = f.intent
         where (f.state = 'sent' and f.due_at = 'infinity'
                or f.state = 'refused' and r.verdict <> 'applied' and r.promised < r.amount
                   and not exists (select from refunds l
                                    where l.receipt = f.receipt and l.state = 'refused'
                                      and (l.requested_at, l.id) > (f.requested_at, f.id)))
           and f.state in ('sent', 'refused')
           and (payments_refunds.gateway is null or r.gateway = payments_refunds.gateway)
           and (payments_refunds.cursor is null
                or (f.requested_at, f.id) > (select l.requested_at, l.id from refunds l
                                              where l.id = split_part(payments_refunds.cursor, '.', 2)::uuid))
         order by f.requested_at, f.id
         limit payments_refunds."limit" + 1
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(p.document order by p.n)
                                 filter (where p.n <= payments_refunds."limit"), '[]'),
               'next', (select 'refund.' || l.id from page l
                         where l.n = payments_refunds."limit"
                           and exists (select from page m where m.n > l.n)))
      from page p
$$;

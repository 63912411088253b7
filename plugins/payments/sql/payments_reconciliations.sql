-- GET /v1/payments/reconciliations: the last report of each day and gateway. The cursor is
-- the id of the last one that was given; where its day was reconciled again, the next
-- page goes on behind that day all the same.
create function payments_reconciliations(caller jsonb, gateway text, since date, cursor uuid,
                                         "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select reconciliation_document(x) as report, x.id,
               row_number() over (order by x.day desc, x.gateway) as n
          from (select distinct on (r.day, r.gateway) r.*
                  from reconciliations r
                  left join reconciliations l on l.id = payments_reconciliations.cursor
                 where (payments_reconciliations.gateway is null
                        or r.gateway = payments_reconciliations.gateway)
                   and (since is null or r.day >= since)
                   and (payments_reconciliations.cursor is null
                        or r.day < l.day or r.day = l.day and r.gateway > l.gateway)
                 order by r.day desc, r.gateway, r.made_at desc
                 limit payments_reconciliations."limit" + 1) x
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(p.report order by p.n)
                                 filter (where p.n <= payments_reconciliations."limit"), '[]'),
               'next', (select l.id from page l
                         where l.n = payments_reconciliations."limit"
                           and exists (select from page m where m.n > l.n)))
      from page p
$$;

-- GET /v1/payments/reconciliations: the last report of each day and gateway. The cursor has
-- the id of the last one that was given; where its day was reconciled again, the next
-- page goes on behind that day all the same. A page ends where its reports would tell more
-- differences than the first of one report may be.
create function payments_reconciliations(caller jsonb, gateway text, since date, cursor text,
                                         "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select x.report, x.id, row_number() over w as n,
               sum(least(jsonb_array_length(x.differences), 5000)) over w as told
          from (select distinct on (r.day, r.gateway) r as report, r.id, r.day, r.gateway, r.differences
                  from reconciliations r
                  left join reconciliations l
                         on l.id = split_part(payments_reconciliations.cursor, '.', 2)::uuid
                 where (payments_reconciliations.gateway is null
                        or r.gateway = payments_reconciliations.gateway)
                   and (since is null or r.day >= since)
                   and (payments_reconciliations.cursor is null
                        or r.day < l.day or r.day = l.day and r.gateway > l.gateway)
                 order by r.day desc, r.gateway, r.made_at desc
                 limit payments_reconciliations."limit" + 1) x
        window w as (order by x.day desc, x.gateway)
    ), given as (
        select reconciliation_document(p.report) as report, p.id, p.n
          from page p
         where p.n <= payments_reconciliations."limit" and p.told <= 5000
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(g.report order by g.n), '[]'),
               'next', (select 'reconciliation.' || l.id from given l
                         where l.n = count(g.n) and exists (select from page m where m.n > l.n)))
      from given g
$$;

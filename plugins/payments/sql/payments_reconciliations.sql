-- GET /v1/payments/reconciliations: the last report of each day and gateway. The cursor is
-- the id of the last one that was given; where its day was reconciled again, the next
-- page goes on behind that day all the same.
--
-- What another day's file has had since then is missing there no more: that file may have
-- been late, and a payment about midnight is of the next day at some gateways.
create function payments_reconciliations(caller jsonb, gateway text, since date, cursor uuid,
                                         "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select x as report, x.id, row_number() over (order by x.day desc, x.gateway) as n
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
               'items', coalesce(json_agg(to_jsonb(p.report) || d.now order by p.n)
                                 filter (where p.n <= payments_reconciliations."limit"), '[]'),
               'next', (select l.id from page l
                         where l.n = payments_reconciliations."limit"
                           and exists (select from page m where m.n > l.n)))
      from page p
     cross join lateral (
           select jsonb_build_object('differences', coalesce(jsonb_agg(e.value order by e.ordinality), '[]'),
                                     'agrees', count(*) = 0) as now
             from jsonb_array_elements((p.report).differences) with ordinality e
            where not exists (select from filed f
                               where f.gateway = (p.report).gateway
                                 and f.kind = case e.value ->> 'kind'
                                              when 'payment-missing-there' then 'payment'
                                              when 'refund-missing-there' then 'refund' end
                                 and f.name = case e.value ->> 'kind'
                                              when 'payment-missing-there' then e.value ->> 'transaction'
                                              else e.value ->> 'number' end)) d
$$;

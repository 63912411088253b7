-- GET /v1/payments/reconciliations: the last report of each day and gateway.
create function payments_reconciliations(caller jsonb, gateway text, since date, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object('items', coalesce(json_agg(to_json(x) order by x.day desc, x.gateway), '[]'))
      from (select distinct on (r.day, r.gateway) r.*
              from reconciliations r
             where (payments_reconciliations.gateway is null or r.gateway = payments_reconciliations.gateway)
               and (since is null or r.day >= since)
             order by r.day desc, r.gateway, r.made_at desc
             limit "limit") x
$$;

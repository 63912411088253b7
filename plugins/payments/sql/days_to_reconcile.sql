-- Days of the last week that are over, on which a gateway may have had payments,
-- and that nobody has held against its file since they were over. Gateways are found one
-- after the other, in an index: there are few, and many payments.
create function days_to_reconcile()
returns table (gateway text, day text)
language sql stable
as $$
    with recursive known (gateway) as (
        select min(i.gateway) from intents i
         union all
        select (select min(i.gateway) from intents i where i.gateway > k.gateway)
          from known k where k.gateway is not null
    )
    select g.gateway, d.day::text
      from (select k.gateway,
                   (select min(i.created_at) at time zone 'Asia/Ho_Chi_Minh'
                      from intents i where i.gateway = k.gateway)::date as first
              from known k where k.gateway is not null) g,
           (select (now() at time zone 'Asia/Ho_Chi_Minh')::date as today) t,
           lateral (select s::date as day
                      from generate_series(greatest(g.first, t.today - 7), t.today - 1, '1 day') s) d
     where not exists (select from reconciliations r
                        where r.gateway = g.gateway and r.day = d.day
                          and r.made_at >= (d.day + 1)::timestamp at time zone 'Asia/Ho_Chi_Minh')
     order by d.day, g.gateway
$$;

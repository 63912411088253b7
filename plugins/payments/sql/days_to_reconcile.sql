-- Days of the last week that are over, on which a gateway may have had payments,
-- and that nobody has held against its file since they were over.
create function days_to_reconcile()
returns table (gateway text, day text)
language sql stable
as $$
    select g.gateway, d.day::text
      from (select i.gateway, min(i.created_at at time zone 'Asia/Ho_Chi_Minh')::date as first
              from intents i group by i.gateway) g,
           (select (now() at time zone 'Asia/Ho_Chi_Minh')::date as today) t,
           lateral (select s::date as day
                      from generate_series(greatest(g.first, t.today - 7), t.today - 1, '1 day') s) d
     where not exists (select from reconciliations r
                        where r.gateway = g.gateway and r.day = d.day
                          and r.made_at >= (d.day + 1)::timestamp at time zone 'Asia/Ho_Chi_Minh')
     order by d.day, g.gateway
$$;

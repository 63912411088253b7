-- The events that a plugin has not read and "upto" sees, the first "most" (null: all): those
-- of transactions that were running when it last read, then of those that began later. Of
-- what it has subscribed to, or "all".
create function plugin_events_new(c core.plugin_cursors, upto pg_snapshot, most int,
                                  "all" boolean default false)
returns setof core.outbox
language sql stable
as $$
    select o.*
    from (select x, x from pg_snapshot_xip((c).seen) x
          union all
          select pg_snapshot_xmax((c).seen), pg_snapshot_xmax(upto)) t (first, last)
         cross join lateral (
             select o.*
             from core.outbox o
             where (o.xid, o.id) > (greatest(t.first, (c).at_xid),
                                    case when t.first > (c).at_xid then 0 else (c).at_id end)
               and o.xid <= t.last and o.id > (c).before
               and pg_visible_in_snapshot(o.xid, upto)
               and ("all"
                    or exists (select from core.plugin_subscriptions s
                               where s.plugin = (c).plugin and s.topic = o.topic
                                 and s.event = o.event))
             order by o.xid, o.id
             limit most) o
    order by o.xid, o.id
    limit most
$$;

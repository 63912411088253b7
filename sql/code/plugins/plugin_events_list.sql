-- The subscriptions of all plugins for operators and metrics: how many events wait,
-- since when, and how many are dead. What is behind a plugin's place in the outbox
-- waits, too, but is only looked at as far as a thousand events: where none is
-- copied, as the database has no room, it is all there is to see. What is told is of
-- this cluster, whose end bounds the look: what was told in one before, months of it,
-- has higher numbers (plugin_events_feed()).
create function plugin_events_list()
returns table (plugin text, topic text, attempts int, waiting bigint,
               oldest_at timestamptz, dead bigint, running bigint)
language sql stable
as $$
    with behind as materialized (
        select c.plugin, o.topic, o.event, count(*) as waiting, min(o.at) as oldest_at
        from core.plugin_cursors c
             cross join (select pg_snapshot_xmax(pg_current_snapshot()) as "end") here
             cross join lateral (
                 select o.topic, o.event, o.at
                 from core.outbox o
                 where (o.xid, o.id) > (c.xid, c.id) and o.id > c.before
                   and o.xid < case when c.xid > here."end" then '18446744073709551615'
                                    else here."end" end
                 order by o.xid, o.id
                 limit 1000) o
        group by c.plugin, o.topic, o.event
    )
    select s.plugin, s.topic || '.' || s.event, s.attempts,
           count(*) filter (where d.state = 'due') + coalesce(b.waiting, 0),
           least(min(d.at) filter (where d.state = 'due'), b.oldest_at),
           count(*) filter (where d.state = 'dead'),
           count(*) filter (where d.run is not null)
    from core.plugin_subscriptions s
         left join core.plugin_deliveries d
             on d.plugin = s.plugin and d.topic = s.topic and d.event = s.event
         left join behind b
             on b.plugin = s.plugin and b.topic = s.topic and b.event = s.event
    group by s.plugin, s.topic, s.event, s.attempts, b.waiting, b.oldest_at
    order by s.plugin, s.topic, s.event
$$;

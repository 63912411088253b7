-- The subscriptions of all plugins for operators and metrics: how many events wait,
-- since when, and how many are dead. What is behind a plugin's place in the outbox
-- waits, too, but is only looked at as far as a thousand events: where none is
-- copied, as the database has no room, it is all there is to see. Where a plugin's place
-- is of a cluster before this one, all it had not read waits (plugin_events_feed()).
create function plugin_events_list()
returns table (plugin text, topic text, attempts int, waiting bigint,
               oldest_at timestamptz, dead bigint, running bigint)
language sql stable
as $$
    with behind as materialized (
        select c.plugin, o.topic, o.event, count(*) as waiting, min(o.at) as oldest_at
        from core.plugin_cursors c
             cross join (select pg_current_snapshot() as now) here
             cross join lateral plugin_events_new(c, coalesce(c.upto,
                 case when pg_snapshot_xmax(c.seen) > pg_snapshot_xmax(here.now)
                      then '1:18446744073709551615:' else here.now end), 1000, true) o
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

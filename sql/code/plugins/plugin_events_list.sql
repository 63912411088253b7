-- The subscriptions of all plugins for operators: how many events wait, since
-- when, and how many are dead.
create function plugin_events_list()
returns table (plugin text, topic text, attempts int, waiting bigint,
               oldest_at timestamptz, dead bigint, running bigint)
language sql stable
as $$
    select s.plugin, s.topic || '.' || s.event, s.attempts,
           count(*) filter (where d.state = 'due'),
           min(d.at) filter (where d.state = 'due'),
           count(*) filter (where d.state = 'dead'),
           count(*) filter (where d.run is not null)
    from core.plugin_subscriptions s
         left join core.plugin_deliveries d
             on d.plugin = s.plugin and d.topic = s.topic and d.event = s.event
    group by s.plugin, s.topic, s.event, s.attempts
    order by s.plugin, s.topic, s.event
$$;

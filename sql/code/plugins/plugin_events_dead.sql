-- The dead events of a plugin for operators, the oldest first. Without payload:
-- it is in core.plugin_deliveries.
create function plugin_events_dead(plugin text)
returns table (id bigint, topic text, key uuid, published_at timestamptz,
               attempts int, ended_at timestamptz, outcome text, error text)
language sql stable
as $$
    select d.id, d.topic || '.' || d.event, d.subject, d.at, d.attempts,
           d.ended_at, d.outcome, d.error
    from core.plugin_deliveries d
    where d.plugin = plugin_events_dead.plugin and d.state = 'dead'
    order by d.xid, d.id
$$;

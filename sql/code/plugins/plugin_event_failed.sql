-- An attempt that failed: again after 2, 4, 8 … seconds, an hour at most, and
-- dead after as many as the subscription says. One that could not begin, or whose
-- database had no room or was away (busy, closed), is no attempt. False: that run
-- is over already.
create function plugin_event_failed(plugin text, id bigint, run uuid,
    outcome text, error text)
returns boolean
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    begun  boolean := plugin_event_failed.outcome not in ('busy', 'closed');
begin
    update core.plugin_deliveries d
    set run = null,
        until = null,
        ended_at = core.now(),
        outcome = plugin_event_failed.outcome,
        error = left(plugin_event_failed.error, 500),
        attempts = d.attempts + begun::int,
        next_at = core.now()
                  + case when begun then least(interval '1 hour',
                        interval '1 second' * 2 ^ least(d.attempts + 1, 12))
                    else interval '10 seconds' end,
        state = case when begun and d.attempts + 1 >= coalesce((
                              select s.attempts
                              from core.plugin_subscriptions s
                              where s.plugin = d.plugin and s.topic = d.topic
                                and s.event = d.event), 10)
                     then 'dead' else 'due' end
    where d.plugin = plugin_event_failed.plugin
      and d.id = plugin_event_failed.id and d.run = plugin_event_failed.run;

    return found;
end
$$;

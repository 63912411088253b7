-- How a delivery that plugin_events_take() gave ended, and the next one for the
-- gateway that says so: it need not wait until it asks again. asked is as of
-- plugin_events_take(). kept is false when that delivery was not its any more.
create function plugin_event_end(plugin text, id bigint, run uuid,
    outcome text, error text, asked jsonb)
returns table (kept boolean, event text, next_id bigint, next_run uuid,
               input text)
language plpgsql volatile
as $$
#variable_conflict use_column
begin
    if outcome = 'ok' then
        update core.plugin_deliveries d
        set run = null,
            until = null,
            ended_at = core.now(),
            outcome = 'ok',
            error = null,
            attempts = d.attempts + 1,
            state = 'done'
        where d.plugin = plugin_event_end.plugin
          and d.id = plugin_event_end.id and d.run = plugin_event_end.run;
        kept := found;
    else
        kept := plugin_event_failed(plugin, id, run, outcome, error);
    end if;

    -- After a failure the plugin has a rest.
    if outcome = 'ok' then
        select t.event, t.id, t.run, t.input into event, next_id, next_run, input
        from plugin_events_next(plugin, asked, 1) t;
    end if;

    return next;
end
$$;

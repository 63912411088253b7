-- A dead event is delivered again, from its first attempt on; what came after it
-- for its subject has been delivered already. False: there is no such dead event.
create function plugin_event_requeue(plugin text, id bigint)
returns boolean
language plpgsql volatile
as $$
#variable_conflict use_column
begin
    update core.plugin_deliveries d
    set state = 'due', attempts = 0, next_at = core.now()
    where d.plugin = plugin_event_requeue.plugin
      and d.id = plugin_event_requeue.id and d.state = 'dead';

    return found;
end
$$;

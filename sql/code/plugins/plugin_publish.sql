-- An event of a plugin, for ihanoi.events.publish(): the gateway knows whose it
-- is and has looked at the manifest. For the plugin's own SQL there is
-- ihanoi_host.publish().
create function plugin_publish(plugin text, event text, key uuid, payload jsonb)
returns bigint
language plpgsql volatile
as $$
begin
    if split_part(event, '.', 1) <> plugin or octet_length(payload::text) > 65536 then
        raise exception 'not an event of the plugin %', plugin
              using errcode = 'insufficient_privilege';
    end if;

    return outbox_append(plugin, split_part(event, '.', 2), key, payload);
end
$$;

-- Takes the next deliveries of a plugin for a gateway (plugin_events_due()). An erased
-- person's subject is in no event: it comes along here, while it is known.
--
-- What another gateway takes at the same time is not seen, so who takes one of a subject
-- has a lock of that until it is: the second statement sees what was taken before. What
-- is locked is passed over before the limit: who comes second has one of another subject.
create function plugin_events_next(plugin text, asked jsonb, most int)
returns table (event text, id bigint, run uuid, input text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    free  bigint[];
begin
    select array_agg(f.id) into free
    from (select d.id
          from (select d.id, d.subject
                from plugin_events_due(plugin, asked) d
                order by d.xid, d.id
                offset 0) d
          where pg_try_advisory_xact_lock(
                    hashtextextended(format('events of %s %s', plugin, d.subject), 0))
          limit most) f;

    if free is null then
        return;
    end if;

    return query
    update core.plugin_deliveries d
    set run = gen_random_uuid(),
        holder = asked ->> 'gateway',
        until = clock_timestamp() + make_interval(secs => t.lease)
    from plugin_events_due(plugin_events_next.plugin, asked) t
    where d.plugin = plugin_events_next.plugin and d.id = t.id
      and t.id = any (free) and d.run is null
    returning d.topic || '.' || d.event, d.id, d.run,
              json_build_object(
                  'id', d.id, 'topic', d.topic || '.' || d.event,
                  'key', d.subject, 'payload', d.payload || coalesce((
                      select jsonb_build_object('subject', e.subject)
                      from core.erasures e
                      where d.topic = 'person' and d.event = 'erased'
                        and e.person = d.subject), '{}'),
                  'published_at', to_char(d.at at time zone 'UTC',
                                          'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                  'attempt', d.attempts + 1)::text;
end
$$;

-- Takes the next deliveries of a plugin for a gateway that has the subscriptions
-- of "asked" (plugin_events_take()): of each subject the first that is due, and
-- none while one that was published before it is not over, or another is under way:
-- the earlier one may have been committed later. What is dead is over. An erased
-- person's subject is in no event: it comes along here, while it is known. Who
-- forgets somebody must see what was being written then: that event comes when all
-- transactions that are older are over. (One that is not before the snapshot's end
-- is of a cluster before this one.)
create function plugin_events_next(plugin text, asked jsonb, most int)
returns table (plugin text, event text, id bigint, run uuid, input text)
language sql volatile
as $$
    with taken as (
        select d.id, d.plugin, g.lease
        from core.plugin_deliveries d
             join jsonb_to_recordset(asked -> 'subscriptions')
                      as g (plugin text, topic text, event text, lease int,
                            hold boolean)
                 on g.plugin = d.plugin and g.topic = d.topic
                    and g.event = d.event
        where d.plugin = plugin_events_next.plugin
          and d.state = 'due' and d.run is null and d.next_at <= core.now()
          and not g.hold
          and not exists (select from core.plugin_deliveries e
                          where e.plugin = d.plugin and e.subject = d.subject
                            and e.state = 'due'
                            and (e.id < d.id or e.run is not null))
          and not (d.topic = 'person' and d.event = 'erased'
                   and d.xid >= pg_snapshot_xmin(pg_current_snapshot())
                   and d.xid < pg_snapshot_xmax(pg_current_snapshot()))
        order by d.xid, d.id
        limit most
        for update of d skip locked
    )
    update core.plugin_deliveries d
    set run = gen_random_uuid(),
        holder = asked ->> 'gateway',
        until = clock_timestamp() + make_interval(secs => t.lease)
    from taken t
    where d.plugin = t.plugin and d.id = t.id
    returning d.plugin, d.topic || '.' || d.event, d.id, d.run,
              json_build_object(
                  'id', d.id, 'topic', d.topic || '.' || d.event,
                  'key', d.subject, 'payload', d.payload || coalesce((
                      select jsonb_build_object('subject', e.subject)
                      from core.erasures e
                      where d.topic = 'person' and d.event = 'erased'
                        and e.person = d.subject), '{}'),
                  'published_at', to_char(d.at at time zone 'UTC',
                                          'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                  'attempt', d.attempts + 1)::text
$$;

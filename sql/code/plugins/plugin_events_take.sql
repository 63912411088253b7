-- Which events this gateway is to deliver now, as plugin_jobs_take() for jobs.
--
--   asked   {"gateway": text, "all": boolean, "subscriptions": [{"plugin",
--           "topic", "event", "attempts", "lease": seconds, "hold": boolean}]}
--
-- A row for each delivery, with what the handler gets as input. With "all" what is
-- over is cleared away. The last three columns are null: a module of before
-- plugin_events_list() reads them, which may be gone back to.
create function plugin_events_take(asked jsonb)
returns table (plugin text, event text, id bigint, run uuid, input text,
               waiting bigint, dead bigint, lag bigint)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    it    timestamptz := core.now();
    name  text;
begin
    -- Nobody has said so for minutes: the database was away, not who has them.
    update core.plugin_subscriptions s
    set declared_at = it
    where not exists (select from core.plugin_subscriptions o
                      where o.declared_at > it - interval '5 minutes');

    with given as (
        select g.*
        from jsonb_to_recordset(asked -> 'subscriptions')
                 as g (plugin text, topic text, event text, attempts int)
             left join core.plugin_subscriptions s
                 on s.plugin = g.plugin and s.topic = g.topic
                    and s.event = g.event
        where s.plugin is null or s.attempts <> g.attempts
           or s.declared_at < it - interval '1 minute'
    )
    insert into core.plugin_subscriptions as s (plugin, topic, event, attempts,
                                                declared_at)
    select g.plugin, g.topic, g.event, g.attempts, it
    from given g
    on conflict on constraint plugin_subscriptions_pkey do update
    set attempts = excluded.attempts, declared_at = excluded.declared_at;

    -- From now on: what was published before was for others, also in a cluster
    -- before this one (plugin_events_feed()).
    insert into core.plugin_cursors (plugin, seen, moved_at, before)
    select g.plugin, outbox_snapshot(), it,
           coalesce((select max(o.id) from core.outbox o
                     where o.xid >= pg_snapshot_xmax(pg_current_snapshot())), 0)
    from jsonb_to_recordset(asked -> 'subscriptions') as g (plugin text)
    where not exists (select from core.plugin_cursors c
                      where c.plugin = g.plugin)
    group by g.plugin
    on conflict do nothing;

    -- What gateways have not had for an hour, and what is over.
    if (asked ->> 'all')::boolean then
        delete from core.plugin_subscriptions s
        where s.declared_at < it - interval '1 hour';

        delete from core.plugin_cursors c
        where not exists (select from core.plugin_subscriptions s
                          where s.plugin = c.plugin);

        delete from core.plugin_deliveries d
        where d.state = 'done'
           or d.state = 'dead' and d.ended_at < it - interval '90 days'
           or not exists (select from core.plugin_subscriptions s
                          where s.plugin = d.plugin and s.topic = d.topic
                            and s.event = d.event);

        -- Who was erased, when no plugin has yet to read it or be told again. What
        -- is not before the end of this snapshot is of a cluster before this one
        -- (plugin_events_feed()): a plugin whose place is there has read nothing of
        -- this one, and one whose place is here has read all of that.
        delete from core.erasures e
        using (select pg_snapshot_xmax(pg_current_snapshot()) as "end") here
        where not exists (select from core.plugin_cursors c
                               join core.plugin_subscriptions s
                                   on s.plugin = c.plugin
                          where s.topic = 'person' and s.event = 'erased'
                            and (pg_snapshot_xmax(coalesce(c.upto, c.seen)) > here."end"
                                 or e.xid < here."end"
                                    and not pg_visible_in_snapshot(e.xid, c.seen)))
          and not exists (select from core.plugin_deliveries d
                          where d.topic = 'person' and d.event = 'erased'
                            and d.subject = e.person);
    end if;

    -- Nobody reported an end in time: an attempt as any that failed.
    perform plugin_event_failed(d.plugin, d.id, d.run, 'lost',
                                'its gateway did not report an end')
    from core.plugin_deliveries d
    where d.state = 'due' and d.until < clock_timestamp()
      and d.plugin in (select g.plugin
                       from jsonb_to_recordset(asked -> 'subscriptions')
                                as g (plugin text));

    for name in
        select distinct g.plugin
        from jsonb_to_recordset(asked -> 'subscriptions') as g (plugin text)
        order by 1
    loop
        perform plugin_events_feed(name);

        return query
        select name, t.event, t.id, t.run, t.input, null::bigint, null::bigint,
               null::bigint
        from plugin_events_next(name, asked, 16) t;
    end loop;
end
$$;

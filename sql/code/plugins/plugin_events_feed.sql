-- Moves what is new in the outbox to the deliveries of a plugin, up to "most" at a time,
-- not beyond 1000 that wait. One gateway does it at a time.
--
-- New is what is committed and was not when the plugin last read: its place is a snapshot
-- (docs/decisions/0050). Where there are more than "most" they are read in pieces, up to
-- the snapshot of the first one.
--
-- A place that no transaction of this cluster has reached is that of the cluster
-- whose dump was restored here. What was to be read there is read at once, also where
-- 1000 wait: later this cluster has reached it.
create function plugin_events_feed(plugin text, most int default 200)
returns int
language plpgsql volatile
as $$
declare
    it      timestamptz := core.now();
    here    pg_snapshot := outbox_snapshot();
    filled  boolean;
    c       core.plugin_cursors;
    rest    core.plugin_cursors;
    last    record;
begin
    filled := (select count(*) from core.plugin_deliveries d
               where d.plugin = plugin_events_feed.plugin and d.state = 'due') >= 1000;

    -- Where nothing is new, nothing is written; but the way to what is new
    -- should not get long.
    select k.* into c
    from core.plugin_cursors k
    where k.plugin = plugin_events_feed.plugin
      and (pg_snapshot_xmax(coalesce(k.upto, k.seen)) > pg_snapshot_xmax(here)
           or not filled
              and (k.moved_at < it - interval '10 seconds' or k.upto is not null
                   or exists (select from plugin_events_new(k, here, 1))))
    for update skip locked;

    if not found then
        return 0;
    end if;

    -- Again: the gateway that had the row may have seen more.
    here := outbox_snapshot();

    -- The rest of a piece, and what is behind it. In one statement: with one snapshot,
    -- whose end all that it sees is before.
    if pg_snapshot_xmax(coalesce(c.upto, c.seen)) > pg_snapshot_xmax(here) then
        rest := c;

        if c.upto is not null then
            rest.seen := c.upto;
            rest.at_xid := '0';
            rest.at_id := 0;
        end if;

        with here as materialized (
            select pg_snapshot_xmax(pg_current_snapshot()) as "end"
        ), kept as (
            insert into core.plugin_deliveries as d (plugin, id, xid, at, topic,
                event, subject, payload, next_at)
            select c.plugin, o.id, o.xid, o.at, o.topic, o.event, o.subject,
                   o.payload, it
            from (select * from plugin_events_new(c, c.upto, null)
                  union all
                  select * from plugin_events_new(rest, '1:18446744073709551615:', null)) o
            on conflict do nothing
        )
        update core.plugin_cursors k
        set seen = '1:1:',
            upto = null,
            at_xid = '0',
            at_id = 0,
            before = coalesce(
                (select max(o.id) from core.outbox o where o.xid >= here."end"),
                (select max(o.id) from core.outbox o where o.at <= c.moved_at),
                0)
        from here
        where k.plugin = c.plugin
        returning k.* into c;
    end if;

    if filled then
        return 0;
    end if;

    here := coalesce(c.upto, here);

    with new as materialized (
        select o.* from plugin_events_new(c, here, most) o
    ), kept as (
        insert into core.plugin_deliveries as d (plugin, id, xid, at, topic,
            event, subject, payload, next_at)
        select c.plugin, o.id, o.xid, o.at, o.topic, o.event, o.subject,
               o.payload, it
        from new o
        on conflict do nothing
    )
    select count(*) over () as n, o.xid, o.id into last
    from new o
    order by o.xid desc, o.id desc
    limit 1;

    if last.n = most then
        update core.plugin_cursors k
        set upto = here, at_xid = last.xid, at_id = last.id, moved_at = it
        where k.plugin = c.plugin;
    else
        update core.plugin_cursors k
        set seen = here, upto = null, at_xid = '0', at_id = 0, moved_at = it
        where k.plugin = c.plugin;
    end if;

    return coalesce(last.n, 0);
end
$$;

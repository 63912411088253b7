-- Moves what is new in the outbox to the deliveries of a plugin: what was
-- committed by transactions older than every running one, up to "most" at a
-- time, not beyond 1000 that wait. One gateway does it at a time.
--
-- A transaction may have its number and then wait for a row that one with a later
-- number has changed: of their events about it the later number's was first. It
-- stops before an event for whose predecessor it is too early.
--
-- A place that no transaction of this cluster has reached is that of the cluster
-- whose dump was restored here. What was to be read there is read at once.
create function plugin_events_feed(plugin text, most int default 200)
returns int
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    it       timestamptz := core.now();
    horizon  xid8 := pg_snapshot_xmin(pg_current_snapshot());
    c        core.plugin_cursors;
    last     record;
    n        int;
begin
    -- Where nothing is new, nothing is written; but the way to what is new
    -- should not get long.
    select k.* into c
    from core.plugin_cursors k
    where k.plugin = plugin_events_feed.plugin
      and (k.moved_at < it - interval '10 seconds'
           or exists (select from core.outbox o
                           join core.plugin_subscriptions s
                               on s.plugin = k.plugin and s.topic = o.topic
                                  and s.event = o.event
                      where (o.xid, o.id) > (k.xid, k.id) and o.xid < horizon
                        and o.id > k.before))
    for update skip locked;

    if not found then
        return 0;
    end if;

    -- In one statement: with one snapshot, whose end all that it sees is before.
    if c.xid > pg_snapshot_xmax(pg_current_snapshot()) then
        with here as materialized (
            select pg_snapshot_xmax(pg_current_snapshot()) as "end"
        ), kept as (
            insert into core.plugin_deliveries as d (plugin, id, xid, at, topic,
                event, subject, payload, next_at)
            select c.plugin, o.id, o.xid, o.at, o.topic, o.event, o.subject,
                   o.payload, it
            from here
                 join core.outbox o on c.xid > here."end"
                 join core.plugin_subscriptions s
                     on s.plugin = c.plugin and s.topic = o.topic
                        and s.event = o.event
            where (o.xid, o.id) > (c.xid, c.id) and o.id > c.before
            on conflict do nothing
        )
        update core.plugin_cursors k
        set xid = '0',
            id = 0,
            before = coalesce(
                (select max(o.id) from core.outbox o where o.xid >= here."end"),
                (select max(o.id) from core.outbox o where o.at <= c.moved_at),
                0)
        from here
        where k.plugin = c.plugin and c.xid > here."end"
        returning k.* into c;

        if not found then
            return 0;
        end if;
    end if;

    -- The gateway before this one may have seen more than this transaction does.
    if c.xid > horizon
       or (select count(*) from core.plugin_deliveries d
           where d.plugin = c.plugin and d.state = 'due') >= 1000
    then
        return 0;
    end if;

    with new as materialized (
        select o.xid, o.id, o.at, o.topic, o.event, o.subject, o.payload
        from core.outbox o
             join core.plugin_subscriptions s
                 on s.plugin = c.plugin and s.topic = o.topic
                    and s.event = o.event
        where (o.xid, o.id) > (c.xid, c.id) and o.xid < horizon
          and o.id > c.before
        order by o.xid, o.id
        limit most
    ), stop as materialized (
        select min(new.xid) as xid
        from new
        where exists (select from core.outbox o
                           join core.plugin_subscriptions s
                               on s.plugin = c.plugin and s.topic = o.topic
                                  and s.event = o.event
                      where o.xid >= horizon and o.subject = new.subject
                        and o.id < new.id and o.id > c.before)
    ), kept as (
        insert into core.plugin_deliveries as d (plugin, id, xid, at, topic,
            event, subject, payload, next_at)
        select c.plugin, new.id, new.xid, new.at, new.topic, new.event,
               new.subject, new.payload, it
        from new, stop
        where new.xid < stop.xid is not false
        on conflict do nothing
    )
    select stop.xid as stop, new.n, new.xid, new.id into last
    from stop
         left join lateral (
             select count(*) over () as n, new.xid, new.id
             from new
             where new.xid < stop.xid is not false
             order by new.xid desc, new.id desc limit 1) new on true;

    n := coalesce(last.n, 0);
    horizon := coalesce(last.stop, horizon);

    update core.plugin_cursors k
    set xid = case when n < most then horizon else last.xid end,
        id = case when n < most then 0 else last.id end,
        moved_at = it
    where k.plugin = c.plugin;

    return n;
end
$$;

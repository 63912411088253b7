-- Which deliveries of a plugin may be given out now to a gateway that has the
-- subscriptions of "asked" (plugin_events_take()): of each subject the first that is
-- due, and none while one that was published before it is not over, or another is under
-- way: the earlier one may have been committed later. What is dead is over. Who forgets
-- somebody must see what was being written then: that event comes when all transactions
-- that are older are over. (One that is not before the snapshot's end is of a cluster
-- before this one.)
create function plugin_events_due(plugin text, asked jsonb)
returns table (id bigint, xid xid8, subject uuid, lease int)
language sql stable
as $$
    select d.id, d.xid, d.subject, g.lease
    from core.plugin_deliveries d
         join jsonb_to_recordset(asked -> 'subscriptions')
                  as g (plugin text, topic text, event text, lease int, hold boolean)
             on g.plugin = d.plugin and g.topic = d.topic and g.event = d.event
    where d.plugin = plugin_events_due.plugin
      and d.state = 'due' and d.run is null and d.next_at <= core.now()
      and not g.hold
      and not exists (select from core.plugin_deliveries e
                      where e.plugin = d.plugin and e.subject = d.subject
                        and e.state = 'due' and (e.id < d.id or e.run is not null))
      and not (d.topic = 'person' and d.event = 'erased'
               and d.xid >= pg_snapshot_xmin(pg_current_snapshot())
               and d.xid < pg_snapshot_xmax(pg_current_snapshot()))
$$;

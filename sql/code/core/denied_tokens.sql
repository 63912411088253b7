-- What the gateway's deny list must learn since it last asked
-- (docs/conventions.md): rows written by transactions that were not surely
-- finished then. A row may come twice, none is missed. Without anything new,
-- one row that has only "next".
--
-- Transaction ids are counted by a cluster: a mark of another database, or of
-- a history that a failover or a restore has left, says nothing here.
--
-- Each gateway asks every second or so. What is new stands at the index's end,
-- which the planner, who does not know the mark, would not use by itself.
create function denied_tokens(since text)
returns table (next text, kind text, iss text, value text,
               denied_before bigint, forget_at bigint)
language sql stable
set enable_seqscan = off
as $$
    with here as (
        -- a letter first: to a release that takes marks for bare numbers it is 0
        select concat_ws('-', 'in', c.system_identifier, d.oid,
                         case when pg_is_in_recovery() then 'standby'
                              else left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) end)
                   as place,
               pg_current_snapshot() as now
        from pg_control_system() c, pg_database d
        where d.datname = current_database()
    ), mark as (
        select h.*, case when split_part(since, ' ', 1) = h.place
                         then split_part(since, ' ', 2)::xid8 end as xid
        from here h
    )
    select m.place || ' ' || pg_snapshot_xmin(m.now),
           d.kind, d.iss, d.value,
           -- up: a token says its second only, one of the same may be older
           case when d.denied_before < 'infinity'
                then ceil(extract(epoch from greatest(d.denied_before, to_timestamp(1))))::bigint
           end,
           case when d.forget_at < 'infinity'
                then extract(epoch from greatest(d.forget_at, to_timestamp(0)))::bigint
           end
    from mark m
         left join core.denied_tokens d
             on d.xid >= coalesce(case when m.xid <= pg_snapshot_xmax(m.now)
                                       then m.xid end, '0')
                -- whoever knows some of them learns also which are over
                and (since is not null or d.forget_at > core.now())
$$;

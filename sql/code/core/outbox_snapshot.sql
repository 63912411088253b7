-- What can be read of the outbox now, by everybody: the snapshot of the calling statement,
-- for which the own transaction is running, too. (PostgreSQL's sees it as over.)
create function outbox_snapshot()
returns pg_snapshot
language sql stable
as $$
    select case when own.xid >= pg_snapshot_xmin(here) then
               format('%s:%s:%s', pg_snapshot_xmin(here), pg_snapshot_xmax(here),
                      (select string_agg(x.xid::text, ',' order by x.xid)
                       from (select pg_snapshot_xip(here)
                             union select own.xid) x (xid)
                       where x.xid < pg_snapshot_xmax(here)))::pg_snapshot
           else here end
    from pg_current_snapshot() here,
         pg_current_xact_id_if_assigned() own (xid)
$$;

-- A plugin's place in the outbox is a snapshot (docs/decisions/0050). It was the oldest
-- transaction that was running, and while one was open, of whatever database of the
-- cluster, no plugin was told anything.
set local lock_timeout = '5s';
set local role ihanoi_owner;

-- What the snapshot "seen" sees has been read, and of what it does not see what is not
-- behind (at_xid, at_id): in pieces, when there is much, of what "upto" sees.
alter table core.plugin_cursors
    add column seen pg_snapshot,
    add column upto pg_snapshot,
    add column at_xid xid8 not null default '0',
    add column at_id bigint not null default 0;

-- A release before this one goes by xid and id, and may run beside it or come back: each
-- finds its own place in what the other one has written.
create function core.plugin_cursor_of_both()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    earlier  boolean := new.seen is null;
begin
    if tg_op = 'UPDATE' then
        earlier := new.seen is null or new.seen::text = old.seen::text
                   and (new.xid, new.id) is distinct from (old.xid, old.id);
    end if;

    if earlier then
        new.seen := format('%1$s:%1$s:', greatest(new.xid, '1'));
        new.upto := null;
        new.at_xid := new.xid;
        new.at_id := new.id;
    else
        new.xid := pg_snapshot_xmin(new.seen);
        new.id := 0;
    end if;

    return new;
end
$$;

create trigger plugin_cursors_of_both
    before insert or update on core.plugin_cursors
    for each row execute function core.plugin_cursor_of_both();

update core.plugin_cursors set seen = null;

alter table core.plugin_cursors alter column seen set not null;

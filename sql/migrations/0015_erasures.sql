-- Who an erased person was, for the plugins that have yet to forget them
-- (docs/decisions/0037): the event person.erased in the outbox does not say it.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create table core.erasures (
    person   uuid primary key,      -- the event's key
    subject  text not null,         -- as plugins know them: issuer, a space, sub
    xid      xid8 not null default pg_current_xact_id()
);

grant select, insert on core.erasures to ihanoi_write;
grant delete on core.erasures to ihanoi_control;

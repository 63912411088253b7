-- Idempotency keys of handlers that are not SQL. A plugin's handler runs
-- between two transactions, so its claim is a row with an end: a gateway that
-- dies in between keeps the key for no longer than the call may take.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create table core.key_leases (
    digest    bytea primary key,
    holder    text not null,
    until     timestamptz not null
);

comment on table core.key_leases is
    'Idempotency keys whose handler runs now. holder: the request; until: others may try from then on.';

create index key_leases_until on core.key_leases (until);

-- Given back is a time that has passed; the job runner deletes such rows.
grant select, insert, update on core.key_leases to ihanoi_write;
grant select, delete on core.key_leases to ihanoi_control;

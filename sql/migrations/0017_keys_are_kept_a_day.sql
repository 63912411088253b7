-- Answers for idempotency keys are promised for 24 hours at most: a partition
-- of them goes a day after its last row, since it may hold what is personal
-- (0009). A longer setting was taken and silently not kept.
set local lock_timeout = '5s';
set local role ihanoi_owner;

update core.settings
set value = '24'
where name = 'idempotency.keep_hours' and value::int > 24;

alter table core.settings add constraint settings_idempotency_keep
    check (name <> 'idempotency.keep_hours' or value::int between 1 and 24);

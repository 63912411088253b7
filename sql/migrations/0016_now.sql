-- core.now() on a machine without a moved clock: no interval is read from text
-- (the hottest statements ask for the time once a row).
set local lock_timeout = '5s';
set local role ihanoi_owner;

create or replace function core.now()
returns timestamptz
language sql stable parallel safe
as $$
    select case when coalesce(current_setting('core.clock_offset', true), '') = ''
                then transaction_timestamp()
                else transaction_timestamp()
                     + current_setting('core.clock_offset')::interval
           end
$$;

-- core.now() is the transaction's time and nothing else: to look each time whether
-- somebody had shifted it cost the hottest statement an eighth of its time, and any
-- session could do so.
set local lock_timeout = '5s';
set local role ihanoi_owner;

-- For tests, and for the transaction that files the demo's reports: while on, what is set
-- as core.clock_offset (an interval as text) is added to core.now(). Tests leave it on in
-- their own databases; production never has it on. Only the owner can change it.
create procedure core.clock_shifts(is_on boolean)
language plpgsql
as $procedure$
begin
    if is_on then
        create or replace function core.now()
        returns timestamptz
        language sql stable parallel safe
        as $$
            select transaction_timestamp()
                   + coalesce(nullif(current_setting('core.clock_offset', true), ''),
                              '0')::interval
        $$;
    else
        create or replace function core.now()
        returns timestamptz
        language sql stable parallel safe
        as 'select transaction_timestamp()';
    end if;
end
$procedure$;

revoke execute on procedure core.clock_shifts(boolean) from public;
call core.clock_shifts(false);

-- Keeps a round as it is until the transaction ends, so that closing it waits for
-- what was begun before, and what comes after sees that it is closed. A lock of
-- its own rather than of the row: thousands hold it in the first seconds.
create function round_lock(round uuid, alone boolean default false)
returns void
language plpgsql
as $$
declare
    key  bigint := hashtextextended('enrolment round ' || round_lock.round, 0);
begin
    if alone then
        perform pg_advisory_xact_lock(key);
    else
        perform pg_advisory_xact_lock_shared(key);
    end if;
end
$$;

-- Keeps a round as it is until the transaction ends, so that closing it waits for
-- what was begun before, and what comes after sees that it is closed. A lock of
-- its own rather than of the row: thousands hold it in the first seconds.
create function round_lock(round uuid, alone boolean default false)
returns void
language sql
as $$
    select ihanoi_host.lock('enrolment round ' || round_lock.round, not round_lock.alone)
     where round_lock.round is not null
$$;

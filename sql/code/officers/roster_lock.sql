-- One change of a unit's roster at a time: its ETag is about the whole, and who
-- is granted a role beside a PUT would else be revoked by it unseen. Taken before
-- any account's lock.
create function roster_lock(unit uuid)
returns void
language sql volatile
as $$
    select pg_advisory_xact_lock(hashtextextended('roster ' || unit, 0))
$$;

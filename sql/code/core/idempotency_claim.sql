-- Asks for a key before a POST's function runs (docs/conventions.md):
--
--   claimed   run it, then idempotency_complete()
--   replay    it ran: here is the first answer
--   mismatch  it ran, for another request (idempotency_same): 422
--   in_use    it is running now: 409
--
-- The claim itself is a transaction-level advisory lock, never a row: nobody
-- waits for a lock, a refusal leaves nothing to take back, and of two
-- concurrent duplicates the second either sees the lock or, as locks are
-- released after the commit is visible, the first one's answer. Who sees the lock of
-- somebody that asks for the answer, too, sees the answer behind it.
--
-- Visible is not safe: when the first one's wait for a synchronous standby was
-- broken off its commit is on this server only, and to read it waits for nothing.
-- So a replay writes a word of its own, whose commit waits for all before it.
create function idempotency_claim(subject text, operation text, key text,
    hash text)
returns table (state text, status int, etag text, location text, body json)
language plpgsql volatile
as $$
declare
    wanted  bytea := idempotency_digest(subject, operation, key);
    kept    interval := make_interval(hours => (setting('idempotency.keep_hours'))::int);
    stored  core.idempotency_keys;
    locked  boolean := pg_try_advisory_xact_lock(
        ('x' || encode(substr(wanted, 1, 8), 'hex'))::bit(64)::bigint);
begin
    -- A statement of its own after the lock: its snapshot is newer. Both ends of
    -- the time, so that other days are not even opened; a day ahead, as the
    -- one who had the lock may have begun after us.
    select k.* into stored
    from core.idempotency_keys k
    where k.digest = wanted
      and k.at > core.now() - kept and k.at < core.now() + interval '1 day'
    order by k.at desc
    limit 1;

    if not found then
        return query select case when locked then 'claimed' else 'in_use' end,
                            null::int, null::text, null::text, null::json;

    elsif not idempotency_same(stored, idempotency_claim.hash) then
        return query select 'mismatch', null::int, null::text, null::text, null::json;

    else
        perform pg_logical_emit_message(true, 'ihanoi', '');
        return query select 'replay', stored.status, stored.etag,
                            stored.location, stored.body;
    end if;
end
$$;

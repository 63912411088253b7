-- Asks for a key before a handler runs outside this transaction, and takes it
-- for so many milliseconds under the request's number. States as of
-- idempotency_claim(), in the order of a reply's columns. Who gets 'claimed'
-- ends it with idempotency_end().
--
-- It is not idempotency_claim(): that lasts as long as its transaction.
create function idempotency_begin(subject text, operation text, key text,
    hash text, holder text, lease_ms int)
returns table (status int, etag text, location text, body json, state text)
language plpgsql volatile
as $$
declare
    wanted  bytea := idempotency_digest(subject, operation, key);
    kept    interval := make_interval(hours => (setting('idempotency.keep_hours'))::int);
    stored  core.idempotency_keys;
    taken   boolean;
    ends    timestamptz := core.now() + lease_ms * interval '1 millisecond';
begin
    insert into core.key_leases as l (digest, holder, until)
    values (wanted, idempotency_begin.holder, ends)
    on conflict (digest) do update
        set holder = excluded.holder, until = excluded.until
        where l.until <= core.now();

    taken := found;

    -- After the lease, by a newer snapshot: whoever had it has answered, or asks for
    -- the answer, too. The row of the lease was locked in any case, so that a replay
    -- waits for a standby as the answer had to.
    select k.* into stored
    from core.idempotency_keys k
    where k.digest = wanted
      and k.at > core.now() - kept and k.at < core.now() + interval '1 day'
    order by k.at desc
    limit 1;

    if not found then
        return query select null::int, null::text, null::text, null::json,
                            case when taken then 'claimed' else 'in_use' end;
        return;
    end if;

    if taken then
        update core.key_leases l set until = core.now() where l.digest = wanted;
    end if;

    if not idempotency_same(stored, idempotency_begin.hash) then
        return query select null::int, null::text, null::text, null::json, 'mismatch';
    else
        return query select stored.status, stored.etag, stored.location,
                            stored.body, 'replay';
    end if;
end
$$;

-- Keeps what a handler answered and gives its key back. Nothing is kept of a
-- refusal or a failure (status null or not 2xx): the client may try again.
--
-- True: the answer may be given. False: the lease ran out and is another
-- request's now, so nothing was kept; what that one answers counts.
create function idempotency_end(subject text, operation text, key text,
    hash text, holder text, status int, etag text, location text, body json)
returns boolean
language plpgsql volatile
as $$
begin
    update core.key_leases l set until = core.now(), holder = ''
    where l.digest = idempotency_digest(subject, operation, key)
      and l.holder = idempotency_end.holder;

    if not found then
        return false;
    end if;

    perform idempotency_complete(subject, operation, key, hash, status, etag,
                                 location, body);
    return true;
end
$$;

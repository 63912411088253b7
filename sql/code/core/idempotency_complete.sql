-- Keeps the answer of a POST that was claimed in this transaction. A refusal
-- (status null or not 2xx) is not kept: the client may mend the request and
-- try again with the same key.
create function idempotency_complete(subject text, operation text, key text,
    hash text, status int, etag text, location text, body json)
returns void
language plpgsql volatile
as $$
begin
    if status is null or status not between 200 and 299 then
        return;
    end if;

    insert into core.idempotency_keys (digest, hash, same, status, etag, location, body)
    values (idempotency_digest(subject, operation, key), split_part(hash, ' ', 1),
            nullif(split_part(hash, ' ', 2), ''), status, etag, location, body);
end
$$;

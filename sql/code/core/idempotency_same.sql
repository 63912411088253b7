-- Whether a request is the one whose answer is kept. hash has one or two words: the
-- digest of its bytes, and that of its JSON, whichever way it is written.
create function idempotency_same(stored core.idempotency_keys, hash text)
returns boolean
language sql immutable
as $$
    select split_part(stored.hash, ' ', 1) = split_part(idempotency_same.hash, ' ', 1)
           or coalesce(stored.same = split_part(idempotency_same.hash, ' ', 2), false)
$$;

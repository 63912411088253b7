-- What an idempotency key is found by. Operation and key hold no line break
-- (a name, a header's value), so the three cannot be confused.
create function idempotency_digest(subject text, operation text, key text)
returns bytea
language sql stable
as $$
    select sha256(convert_to(operation || E'\n' || key || E'\n' || subject,
                             'UTF8'))
$$;

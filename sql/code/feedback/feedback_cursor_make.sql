-- A cursor is where a page ended: 8 bytes that identify the filters, one byte
-- for the tier of a search, 8 bytes of microseconds, the case's id; 33 bytes,
-- 44 characters of base64url. It tells a client nothing that the page did not.
create function feedback_cursor_make(filters text, tier int, at timestamptz,
    last_id uuid)
returns text
language sql stable parallel safe
as $$
    select translate(encode(
               substr(sha256(convert_to(filters, 'UTF8')), 1, 8)
               || set_byte('\x00', 0, tier)
               || int8send((extract(epoch from at) * 1000000)::int8)
               || uuid_send(last_id), 'base64'), '+/', '-_')
$$;

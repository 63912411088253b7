-- Reads a cursor back. No row when it was not made by us for these filters:
-- the caller answers invalid-cursor. Nothing in it is trusted: a forged
-- position is only another place in the same public list.
create function feedback_cursor_read(cursor text, filters text)
returns table (tier int, at timestamptz, last_id uuid)
language plpgsql immutable parallel safe
as $$
declare
    b      bytea;
    micros int8;
begin
    if cursor !~ '^[A-Za-z0-9_-]{44}$' then
        return;
    end if;

    b := decode(translate(cursor, '-_', '+/'), 'base64');

    if substr(b, 1, 8) <> substr(sha256(convert_to(filters, 'UTF8')), 1, 8)
    then
        return;
    end if;

    micros := ('x' || encode(substr(b, 10, 8), 'hex'))::bit(64)::int8;

    -- years 2000 to 2200: what lies outside is no time of ours
    if micros not between 946684800000000 and 7258118400000000
       or get_byte(b, 8) > 2
    then
        return;
    end if;

    tier := get_byte(b, 8);
    at := 'epoch'::timestamptz + micros * interval '1 microsecond';
    last_id := encode(substr(b, 18, 16), 'hex')::uuid;
    return next;
end
$$;

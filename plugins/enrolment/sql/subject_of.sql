-- Who calls, as rows name people: issuer, a space, and sub.
create function subject_of(caller jsonb)
returns text
language sql immutable
as $$
    select (caller ->> 'iss') || ' ' || (caller ->> 'sub')
$$;

-- Who is calling: issuer and subject, as Lua has it.
create function subject_of(caller jsonb)
returns text
language sql immutable
as $$
    select (caller ->> 'iss') || ' ' || (caller ->> 'sub')
$$;

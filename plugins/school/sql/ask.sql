-- Writes down who asks for what. The first step of each operation: before it the
-- transaction is nobody's, and sees no personal data.
--
-- caller: {iss, sub, operation, request_id, claims: {scope}}
create function ask(caller jsonb)
returns void
language sql
as $$
    insert into calls (person, office, operation, request)
    values ((caller ->> 'iss') || ' ' || (caller ->> 'sub'),
            'school:office' = any (string_to_array(coalesce(caller -> 'claims' ->> 'scope', ''), ' ')),
            caller ->> 'operation', caller ->> 'request_id')
$$;

-- The person who calls, as caller_person(), whose account nobody else changes
-- or erases until this transaction ends: what is compared with If-Match, and
-- the consent that is looked at, still hold when the change is written. The
-- first thing that a change of the account does, or two would wait for each
-- other.
create function caller_person_lock(caller jsonb)
returns uuid
language plpgsql volatile
as $$
begin
    return (
        select p.id
        from core.people p
        where p.issuer = caller ->> 'iss' and p.subject = caller ->> 'sub'
        for update);
end
$$;

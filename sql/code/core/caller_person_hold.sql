-- The person who calls, as caller_person(), whose account is not erased until
-- this transaction ends: what it keeps of their words, an erasure that comes
-- after it takes away. One that is under way is waited for, and then they are
-- nobody.
create function caller_person_hold(caller jsonb)
returns uuid
language plpgsql volatile
as $$
begin
    return (
        select p.id
        from core.people p
        where p.issuer = caller ->> 'iss' and p.subject = caller ->> 'sub'
        for key share);
end
$$;

-- The person who calls, or null: somebody without a token, or who has not
-- written anything yet. Reads only; a write that needs the person says
-- caller_person_ensure().
create function caller_person(caller jsonb)
returns uuid
language plpgsql stable
as $$
begin
    return (
        select p.id
        from core.people p
        where p.issuer = caller ->> 'iss' and p.subject = caller ->> 'sub');
end
$$;

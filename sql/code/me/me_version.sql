-- The version of an account: every change of the profile, of consents and of
-- roles counts it up or is counted here.
create function me_version(person uuid)
returns text
language plpgsql stable
as $$
begin
    return (
        select coalesce(max(p.version), 0)::text || '.'
               || (select count(*) from core.consents c where c.person = me_version.person) || '.'
               || (select count(*) + count(g.revoked_at)
                   from core.officer_grants g where g.person = me_version.person)
        from core.people p
        where p.id = me_version.person);
end
$$;

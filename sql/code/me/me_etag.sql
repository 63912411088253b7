-- The version of an account that clients hold: everything in /v1/me that can
-- change (the profile, consents, roles) counts it up or is counted here.
create function me_etag(person uuid)
returns text
language plpgsql stable
as $$
begin
    return (
        select coalesce(max(p.version), 0)::text || '.'
               || (select count(*) from core.consents c where c.person = me_etag.person) || '.'
               || (select count(*) + count(g.revoked_at)
                   from core.officer_grants g where g.person = me_etag.person)
        from core.people p
        where p.id = me_etag.person);
end
$$;

-- The version of a unit's roster: changes with every grant and revocation.
create function roster_etag(unit uuid)
returns text
language plpgsql stable
as $$
begin
    return (
        select count(*) || '.' || count(g.revoked_at)
        from core.officer_grants g
        where g.unit = roster_etag.unit);
end
$$;

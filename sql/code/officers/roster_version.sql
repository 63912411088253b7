-- The version of a unit's roster on a day: changes with every grant and
-- revocation. The tag of a roster has it before a "-", and behind that what the
-- answer says: names are the officers' own, who change and erase them.
create function roster_version(unit uuid, at date)
returns text
language plpgsql stable
as $$
begin
    return (
        select count(*) || '.' || count(g.revoked_at)
        from core.officer_grants g
        where g.unit = roster_version.unit)
        || '.' || to_char(at, 'YYYYMMDD');
end
$$;

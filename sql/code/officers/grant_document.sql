-- A grant as administrators and officers see it. The subject is how the
-- identity provider knows the person; the name is the person's own word.
create function grant_document(g core.officer_grants)
returns json
language plpgsql stable
as $$
begin
    return (
        select row_to_json(r)
        from (
            select g.id, g.unit, g.person, p.issuer, p.subject,
                   l.full_name as name, g.role, g.valid_from, g.valid_to,
                   g.substitute_for, g.granted_at, g.revoked_at, g.revoke_reason
            from core.people p
                 left join core.personal l on l.person = p.id
            where p.id = g.person
        ) r);
end
$$;

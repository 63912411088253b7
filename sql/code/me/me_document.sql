-- What GET, PATCH and consents answer with about the caller: account, own
-- words about themselves, consent, roles. Without an account yet: what the
-- token says.
create function me_document(caller jsonb, person uuid)
returns json
language plpgsql stable
as $$
begin
    return (
        select row_to_json(r)
        from (
            select p.id, caller ->> 'assurance' as assurance, p.created_at,
                   (select row_to_json(x)
                    from (select l.full_name, l.phone, l.email, l.address, l.commune,
                                 l.birth_year, l.language) x
                    where l.person is not null) as profile,
                   (select json_build_object('notice', n.version,
                                             'given', consent_given(p.id))
                    from (select privacy_notice_now()) n (version)) as consent,
                   (select coalesce(json_agg(json_build_object(
                               'id', g.id, 'unit', unit_brief(g.unit, core.today()),
                               'role', g.role, 'valid_from', g.valid_from,
                               'valid_to', g.valid_to,
                               'substitute', g.substitute_for is not null)
                               order by g.unit, g.role), '[]')
                    from (select *
                          from core.officer_grants x
                          where x.person = p.id and x.validity @> core.today()
                            and x.revoked_at is null
                          order by x.unit, x.role
                          limit 200) g) as roles
            from (select me_document.person) one (id)
                 left join core.people p on p.id = one.id
                 left join core.personal l on l.person = p.id
        ) r);
end
$$;

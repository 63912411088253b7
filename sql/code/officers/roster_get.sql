-- GET /v1/units/{id}/roster: who holds which role on a unit at a date, and the
-- roles that nobody holds. For whoever administers or oversees the unit (or
-- one above it), and for its own officers.
create function roster_get(caller jsonb, id uuid, at date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select case when b.may then 200 end,
           case when b.may then roster_version(b.id, b.day) || '-' || md5(b.body::text) end,
           b.body
    from (
        select u.id, d.day, m.roles <> '{}' as may,
               case when m.roles <> '{}' then (
                   select row_to_json(r)
                   from (
                       select d.day as at, unit_brief(u.id, d.day) as unit,
                              roster_missing(u.id, d.day) as missing,
                              (select coalesce(json_agg(grant_document(g)
                                           order by g.role, g.valid_from, g.id), '[]')
                               from (select *
                                     from core.officer_grants x
                                     where x.unit = u.id and grant_counts(x, d.day)
                                     order by x.role, x.valid_from, x.id
                                     limit 5000) x
                                    join core.officer_grants g on g.id = x.id) as items
                   ) r)
               else refusal('not-permitted') end as body
        from core.units u
             cross join (select coalesce(roster_get.at, core.today())) d (day)
             cross join lateral (
                 select officer_roles_on(caller_person(caller), u.id, core.today())
             ) m (roles)
        where u.id = roster_get.id
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

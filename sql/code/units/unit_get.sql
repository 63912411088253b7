-- GET /v1/units/{id}: one unit as it is at a date, with what it was called and
-- where it stood before, who took over, and the units above it.
create function unit_get(caller jsonb, id uuid, at date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select row_to_json(r) as body
        from (
            select u.id, u.code, u.kind, unit_name(u.id, d.day) as name,
                   d.day as at, u.validity @> d.day as valid,
                   u.valid_from, u.valid_to, u.verified,
                   (select coalesce(json_agg(unit_brief(a.id, d.day) order by a.depth), '[]')
                    from unit_ancestors(u.id, d.day) a
                    where a.depth > 0) as above,
                   (select coalesce(json_agg(json_build_object(
                               'name', json_build_object('vi', n.name_vi, 'en', n.name_en),
                               'valid_from', n.valid_from, 'valid_to', n.valid_to)
                               order by n.valid_from), '[]')
                    from core.unit_names n
                    where n.unit = u.id) as names,
                   (select coalesce(json_agg(json_build_object(
                               'unit', unit_brief(p.parent, p.valid_from),
                               'valid_from', p.valid_from, 'valid_to', p.valid_to)
                               order by p.valid_from), '[]')
                    from core.unit_parents p
                    where p.unit = u.id) as parents,
                   (select coalesce(json_agg(json_build_object(
                               'unit', unit_brief(s.successor, s.since),
                               'since', s.since, 'verified', s.verified)
                               order by s.since, s.successor), '[]')
                    from core.unit_successors s
                    where s.unit = u.id) as successors
            from core.units u
                 cross join (select coalesce(unit_get.at, core.today())) d (day)
            where u.id = unit_get.id
        ) r
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

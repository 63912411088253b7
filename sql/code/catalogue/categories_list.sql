-- GET /v1/categories: what feedback can be about, at a date.
create function categories_list(caller jsonb, at date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select json_build_object('items', coalesce(json_agg(i.item order by i.position, i.code), '[]')) as body
        from (
            select c.position, c.code,
                   json_build_object(
                       'code', c.code,
                       'name', json_build_object('vi', c.name_vi, 'en', c.name_en),
                       'severity', c.severity,
                       'evidence_required', c.evidence_required,
                       'photo_required', c.photo_required,
                       'private', c.private,
                       'reporter_hidden', c.reporter_hidden) as item
            from core.categories c
            where c.validity @> coalesce(categories_list.at, core.today())
        ) i
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

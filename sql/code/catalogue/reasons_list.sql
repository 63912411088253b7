-- GET /v1/reasons: coded reasons with the answers officers start from; "use"
-- narrows to an action (reject, not_competent, transfer).
create function reasons_list(caller jsonb, use text, at date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select json_build_object('items', coalesce(json_agg(i.item order by i.position, i.code), '[]')) as body
        from (
            select r.position, r.code,
                   json_build_object(
                       'code', r.code,
                       'uses', r.uses,
                       'name', json_build_object('vi', r.name_vi, 'en', r.name_en),
                       'template', json_build_object('vi', r.template_vi, 'en', r.template_en)) as item
            from core.reasons r
            where r.validity @> coalesce(reasons_list.at, core.today())
              and (reasons_list.use is null or reasons_list.use = any (r.uses))
        ) i
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

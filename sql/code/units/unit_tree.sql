-- GET /v1/units/{id}/tree: a unit and all below it at a date, flat: from the
-- top down, each with its parent and its depth.
create function unit_tree(caller jsonb, id uuid, at date)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select row_to_json(r) as body
        from (
            select d.day as at,
                   (select json_agg(row_to_json(i) order by i.depth, i.code)
                    from (select u.id, u.code, u.kind,
                                 json_build_object('vi', n.name_vi,
                                                   'en', n.name_en) as name,
                                 p.parent, s.depth
                          from unit_subtree(x.id, d.day) s
                               join core.units u on u.id = s.id
                               left join core.unit_names n
                                    on n.unit = u.id and n.validity @> d.day
                               left join core.unit_parents p
                                    on p.unit = u.id and p.validity @> d.day
                          where u.validity @> d.day
                          order by s.depth, u.code
                          limit 2000) i) as items
            from core.units x
                 cross join (select coalesce(unit_tree.at, core.today())
                             offset 0) d (day)    -- once, not for each row
            where x.id = unit_tree.id and x.validity @> d.day
        ) r
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

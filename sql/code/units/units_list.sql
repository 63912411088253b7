-- GET /v1/units: the units that stand at a date, by code.
create function units_list(caller jsonb, at date, kind jsonb, parent uuid,
    "cursor" text, "limit" int8)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select row_to_json(r) as body
        from (
            select d.day as at,
                   coalesce(json_agg(i.item order by i.code)
                            filter (where i.place <= units_list."limit"), '[]') as items,
                   max(i.code) filter (where i.place = units_list."limit"
                                       and i.more) as next
            from (select coalesce(units_list.at, core.today())
                  offset 0) d (day)    -- once, not for each row
                 left join lateral (
                     select u.code,
                            (select row_to_json(x)
                             from (select u.id, u.code, u.kind,
                                          json_build_object('vi', n.name_vi,
                                                            'en', n.name_en) as name,
                                          p.parent, u.valid_from, u.valid_to,
                                          u.verified) x) as item,
                            row_number() over (order by u.code) as place,
                            lead(u.code) over (order by u.code) is not null as more
                     from (
                         select u.*
                         from core.units u
                         where u.validity @> d.day
                           and (units_list."cursor" is null
                                or u.code > units_list."cursor")
                           and (units_list.kind is null
                                or units_list.kind ? u.kind)
                           and (units_list.parent is null
                                or exists (select from core.unit_parents p
                                           where p.unit = u.id
                                             and p.parent = units_list.parent
                                             and p.validity @> d.day))
                         order by u.code
                         limit units_list."limit" + 1
                     ) u
                          left join core.unit_names n
                               on n.unit = u.id and n.validity @> d.day
                          left join core.unit_parents p
                               on p.unit = u.id and p.validity @> d.day
                 ) i on true
            group by d.day
        ) r
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

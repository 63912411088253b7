-- GET /v1/me/consents: the caller's decisions, the last one first.
create function consents_list(caller jsonb, "cursor" text, "limit" int8)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select row_to_json(r) as body
        from (
            select coalesce(json_agg(i.item order by i.place)
                            filter (where i.place <= consents_list."limit"), '[]') as items,
                   max(i.mark) filter (where i.place = consents_list."limit"
                                       and i.more) as next
            from (
                select consent_document(c) as item,
                       (extract(epoch from c.at) * 1000000)::bigint || '.' || c.id as mark,
                       row_number() over w as place,
                       lead(c.id) over w is not null as more
                from core.consents c
                where c.person = caller_person(caller)
                  and (consents_list."cursor" is null
                       or (c.at, c.id) < (
                              'epoch'::timestamptz
                              + split_part(consents_list."cursor", '.', 1)::bigint
                                * interval '1 microsecond',
                              split_part(consents_list."cursor", '.', 2)::uuid))
                window w as (order by c.at desc, c.id desc)
                order by c.at desc, c.id desc
                limit consents_list."limit" + 1
            ) i
        ) r
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

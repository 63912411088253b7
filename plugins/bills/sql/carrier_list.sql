-- GET /v1/bills/carriers: who sells what, and the prefixes that hint at them.
create function carrier_list(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
        'items', (select coalesce(json_agg(json_build_object(
                             'code', c.code, 'name', c.name, 'amounts', c.amounts,
                             'prefixes', (select coalesce(json_agg(p.prefix order by p.prefix), '[]')
                                            from prefixes p where p.carrier = c.code))
                             order by c.code), '[]')
                    from carriers c where c.active),
        'source', (select s.source from carriers_source s),
        'verified', coalesce((select s.verified from carriers_source s), false))
$$;

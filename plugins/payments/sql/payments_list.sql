-- GET /v1/payments: the caller's own, the newest first. The cursor is the time and the
-- id of the last one that was given; the contract says how it looks.
create function payments_list(caller jsonb, service text, state text, "limit" int,
                              cursor text)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select i.id, i.created_at,
               row_number() over (order by i.created_at desc, i.id desc) as n
          from intents i
         where i.payer = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
           and (payments_list.service is null or i.service = payments_list.service)
           and (payments_list.state is null or i.state = payments_list.state)
           and (cursor is null
                or (i.created_at, i.id)
                   < (to_timestamp(split_part(cursor, '.', 2)::numeric / 1000000),
                      split_part(cursor, '.', 3)::uuid))
         order by i.created_at desc, i.id desc
         limit payments_list."limit" + 1
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(intent_document(p.id) order by p.n)
                                 filter (where p.n <= payments_list."limit"), '[]'),
               'next', (select 'payment.' || (extract(epoch from l.created_at) * 1000000)::bigint
                               || '.' || l.id
                          from page l
                         where l.n = payments_list."limit"
                           and exists (select from page m where m.n > l.n)))
      from page p
$$;

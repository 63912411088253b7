-- GET /v1/parking/bookings: the caller's own, the newest first. The cursor has the
-- time and the id of the last one that was given.
create function booking_list(caller jsonb, state text, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
begin
    return query
    with page as (
        select b.id, b.created_at, row_number() over (order by b.created_at desc, b.id desc) as n
          from bookings b
         where b.owner = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
           and (booking_list.state is null or b.state = booking_list.state)
           and (cursor is null
                or (b.created_at, b.id)
                   < (to_timestamp(split_part(cursor, '.', 2)::numeric / 1000000),
                      split_part(cursor, '.', 3)::uuid))
         order by b.created_at desc, b.id desc
         limit booking_list."limit" + 1
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(booking_document(p.id) order by p.n)
                                 filter (where p.n <= booking_list."limit"), '[]'),
               'next', (select 'booking.' || (extract(epoch from l.created_at) * 1000000)::bigint || '.' || l.id
                          from page l
                         where l.n = booking_list."limit"
                           and exists (select from page m where m.n > booking_list."limit")))
      from page p;
end
$$;

-- GET /v1/parking/bookings: the caller's own, the newest first. The cursor is the
-- time and the id of the last one that was given.
create function booking_list(caller jsonb, state text, "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
declare
    before  timestamptz := 'infinity';
    last    uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
begin
    if cursor is not null then
        begin
            before := to_timestamp(split_part(cursor, '.', 1)::numeric / 1000000);
            last := split_part(cursor, '.', 2)::uuid;
        exception when data_exception then
            return query select null::int, null::text, json_build_object('code', 'parking-cursor-unknown');
            return;
        end;
    end if;

    return query
    with page as (
        select b.id, b.created_at, row_number() over (order by b.created_at desc, b.id desc) as n
          from bookings b
         where b.owner = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
           and (booking_list.state is null or b.state = booking_list.state)
           and (b.created_at, b.id) < (before, last)
         order by b.created_at desc, b.id desc
         limit booking_list."limit" + 1
    )
    select 200, null::text, json_build_object(
               'items', coalesce(json_agg(booking_document(p.id) order by p.n)
                                 filter (where p.n <= booking_list."limit"), '[]'),
               'next', (select (extract(epoch from l.created_at) * 1000000)::bigint || '.' || l.id
                          from page l
                         where l.n = booking_list."limit"
                           and exists (select from page m where m.n > booking_list."limit")))
      from page p;
end
$$;

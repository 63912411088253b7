-- GET /v1/enrolment/rounds: the newest first.
create function round_list(caller jsonb, year int, cursor text, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select r as round, r.id, row_number() over (order by r.opens_at desc, r.id desc) as n
          from rounds r
         where (round_list.year is null or r.year = round_list.year)
           and (round_list.cursor is null
                or (r.opens_at, r.id) < (select x.opens_at, x.id from rounds x
                                          where x.id = split_part(round_list.cursor, '.', 2)::uuid))
         order by r.opens_at desc, r.id desc
         limit "limit" + 1)
    select 200, null::text, json_build_object(
        'items', coalesce((select json_agg(round_brief(p.round) order by p.n) from page p where p.n <= "limit"), '[]'),
        'next', (select 'round.' || p.id from page p where p.n = "limit"
                    and exists (select from page x where x.n > "limit")))
$$;

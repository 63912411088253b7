-- GET /v1/office_hours/closures: from a day on, of one unit or of all, in order; the
-- cursor has the id of the last one that was given. Served without Lua.
create function closure_list(caller jsonb, unit text, since date, cursor text, page_size int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with page as (
        select x.id, row_number() over (order by x.day, x.unit) as n
          from closures x
         where x.day >= coalesce(since, (now() at time zone 'Asia/Ho_Chi_Minh')::date)
           and (closure_list.unit is null or x.unit = closure_list.unit)
           and (closure_list.cursor is null
                or (x.day, x.unit) > (select l.day, l.unit from closures l
                                       where l.id = split_part(closure_list.cursor, '.', 2)::uuid))
         order by x.day, x.unit
         limit page_size + 1
    )
    select 200, null::text, json_build_object(
        'items', coalesce(json_agg(closure_document(p.id) order by p.n)
                          filter (where p.n <= page_size), '[]'),
        'next', (select 'closure.' || l.id from page l
                  where l.n = page_size and exists (select from page m where m.n > l.n)))
      from page p
$$;

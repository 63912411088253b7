-- GET /v1/office_hours/closures: from a day on, of one unit or of all, in order;
-- served without Lua.
create function closure_list(caller jsonb, unit text, since date, page_size int)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text,
           json_build_object('items', coalesce(json_agg(closure_document(c.id)
                                               order by c.day, c.unit), '[]'))
      from (select x.id, x.day, x.unit
              from closures x
             where x.day >= coalesce(since, (now() at time zone 'Asia/Ho_Chi_Minh')::date)
               and (closure_list.unit is null or x.unit = closure_list.unit)
             order by x.day, x.unit
             limit page_size) c
$$;

-- GET /v1/bills/tariffs: the newest first.
create function tariff_list(caller jsonb, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text,
           json_build_object('items', coalesce(json_agg(tariff_document(t) order by t.valid_from desc), '[]'))
      from (select * from tariffs x order by x.valid_from desc limit "limit") t
$$;

-- GET /v1/bus/routes.
create function route_list(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, f.digest,
           json_build_object('items', coalesce((
               select json_agg(route_document(r)
                               order by r.sort_order, r.short_name, r.id)
                 from routes r where r.feed = f.id), '[]'))
      from feeds f
     where f.state = 'current'
$$;

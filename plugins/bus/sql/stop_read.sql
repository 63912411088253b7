-- GET /v1/bus/stops/{id}: a stop and the routes that call there.
create function stop_read(caller jsonb, id text)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text,
           (s.document::jsonb || jsonb_build_object('routes', coalesce((
               select jsonb_agg(route_brief(r)::jsonb order by r.sort_order, r.id)
                 from routes r
                where r.feed = s.feed
                  and r.id in (select p.route
                                 from pattern_stops x
                                 join patterns p
                                   on p.feed = x.feed and p.number = x.pattern
                                where x.feed = s.feed
                                  and x.stop in (select y.number
                                                   from stop_platforms(s) y))),
               '[]')))::json
      from stops s
     where s.feed = feed_current() and s.id = stop_read.id
$$;

-- GET /v1/bus/alerts: what the agency warns of now, of a route or a stop or all.
create function alert_list(caller jsonb, route text, stop text)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
        'made_at', (select r.made_at from realtime r),
        'items', coalesce(json_agg(json_build_object(
            'id', a.id, 'cause', a.cause, 'effect', a.effect, 'header', a.header,
            'text', a.text, 'starts_at', a.starts_at, 'ends_at', a.ends_at,
            'routes', to_json(a.routes), 'stops', to_json(a.stops))
            order by a.starts_at desc nulls last, a.id), '[]'))
      from realtime_alerts a
     where (a.starts_at is null or a.starts_at <= now())
       and (a.ends_at is null or a.ends_at > now())
       and (alert_list.route is null or alert_list.route = any (a.routes))
       and (alert_list.stop is null or alert_list.stop = any (a.stops))
$$;

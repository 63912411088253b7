-- GET /v1/bus/stops/{id}/departures: what leaves a stop, or any stop of a
-- station, from a time on, in order; with what the agency says of today.
--
-- The service day before counts too: its buses after midnight are after 24:00.
create function stop_departures(caller jsonb, id text, at timestamptz, page_size int)
returns table (status int, etag text, body json)
language plpgsql stable
-- Whatever the arguments, the plan is the same; for a short page it would be made in
-- each call, which takes longer than the departures.
set plan_cache_mode = force_generic_plan
as $$
declare
    f         feeds;
    s         stops;
    since     timestamptz := coalesce(at, now());
    today     date;
    second    int;
    spoken    timestamptz := realtime_good();
begin
    select x.* into f from feeds x where x.state = 'current';
    select x.* into s from stops x where x.feed = f.id and x.id = stop_departures.id;

    if not found then
        return;
    end if;

    today := (since at time zone f.timezone)::date;
    second := extract(epoch from since - gtfs_time(today, 0, f.timezone));

    return query
    with days as materialized (
        select d.day, d.second,
               (select array_agg(x.service) from service_days x
                 where x.feed = f.id and x.day = d.day) as services
          from (values (today, second), (today - 1, second + 86400)) as d (day, second)
         where d.second <= f.last_second
    ), next as materialized (
        select d.day, c.*
          from days d
         cross join unnest(stop_platforms(s)) as p (stop)
         cross join lateral (
            select k.trip, k.sequence, k.pattern, k.stop, k.departure
              from calls k
             where k.feed = f.id and k.stop = p.stop and k.departure >= d.second
               and k.boards and k.service = any (d.services)
             order by k.departure
             limit page_size) c
         order by gtfs_time(d.day, c.departure, f.timezone), c.trip
         limit page_size
    )
    select 200, null::text, json_build_object(
        'stop', stop_document(s),
        'at', since,
        'realtime', case when spoken is not null then json_build_object(
                        'made_at', spoken,
                        'age', extract(epoch from now() - spoken)::int) end,
        'items', coalesce(json_agg(json_build_object(
            'route', route_brief(r),
            'headsign', coalesce(t.headsign, p.headsign),
            'trip', t.id,
            'day', n.day,
            'stop', b.id,
            'platform', b.platform,
            'scheduled_at', n.scheduled_at,
            'expected_at', case when now.cancelled then null
                                else n.scheduled_at + make_interval(secs => now.delay) end,
            'cancelled', coalesce(now.cancelled, false),
            'headway', t.headway)
            order by n.scheduled_at, n.trip), '[]'))
      from (select x.*, gtfs_time(x.day, x.departure, f.timezone) as scheduled_at
              from next x) n
      join trips t on t.feed = f.id and t.number = n.trip
      join patterns p on p.feed = f.id and p.number = n.pattern
      join routes r on r.feed = f.id and r.id = p.route
      join stops b on b.feed = f.id and b.number = n.stop
      left join lateral trip_now(spoken, t.id, n.day, n.sequence) now
        on not t.frequency;
end
$$;

-- GET /v1/bus/stops/{id}/departures: what leaves a stop, or any stop of a
-- station, from a time on, in order; with what the agency says of today.
--
-- Service days before count too: their buses after midnight are after 24:00, up to 99:59. A
-- bus whose time has passed within the hour, and that is said to be late, is still to come.
create function stop_departures(caller jsonb, id text, at timestamptz, page_size int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with place as materialized (
        select s as stop, s.document, f.timezone, f.last_second, c.since,
               (c.since at time zone f.timezone)::date as today, g.spoken,
               case when g.spoken is null then 0 else 3600 end as late
          from feeds f
          join stops s on s.feed = f.id and s.id = stop_departures.id
         cross join (select coalesce(at, now()) as since) c
          left join realtime_good() as g (spoken) on true
         where f.state = 'current'
    ), days as materialized (
        select d.day, d.starts, extract(epoch from p.since - d.starts)::int as second,
               array(select x.service from service_days x
                      where x.feed = (p.stop).feed and x.day = d.day) as services
          from place p
         cross join lateral (
            select p.today - n.back as day, gtfs_time(p.today - n.back, 0, p.timezone) as starts
              from (values (0), (1), (2), (3), (4)) as n (back)
             where n.back * 86400 <= p.last_second + p.late
            offset 0) d
         where extract(epoch from p.since - d.starts) <= p.last_second + p.late
    ), next as (
        select k.*, d.day, b.id as stop, b.platform,
               d.starts + k.departure * interval '1 second' as scheduled_at
          from place p
         cross join days d
         cross join stop_platforms(p.stop) b
         cross join lateral (
            select t.route_brief, t.headsign, t.id, t.headway, t.number, x.departure,
                   now.delay, now.cancelled
              from calls x
              join trips t on t.feed = x.feed and t.number = x.trip
              left join lateral trip_now(p.spoken, t.id, d.day, t.starts, x.sequence) now
                on true
             where x.feed = b.feed and x.stop = b.number
               and x.departure >= d.second - p.late and x.boards
               and x.service = any (d.services)
               and (x.departure >= d.second
                    or not now.cancelled and x.departure + now.delay >= d.second)
             order by x.departure
             limit page_size) k
         order by scheduled_at, k.number
         limit page_size
    )
    select 200, null::text, row_to_json(a)
      from (select p.document as stop, p.since as at,
                   case when p.spoken is not null then json_build_object(
                       'made_at', p.spoken,
                       'age', extract(epoch from now() - p.spoken)::int) end as realtime,
                   (select coalesce(json_agg(i), '[]')
                      from (select n.route_brief as route, n.headsign, n.id as trip,
                                   n.day, n.stop, n.platform, n.scheduled_at,
                                   case when n.cancelled then null
                                        else n.scheduled_at
                                             + n.delay * interval '1 second'
                                        end as expected_at,
                                   coalesce(n.cancelled, false) as cancelled,
                                   n.headway
                              from next n) i) as items
              from place p) a
$$;

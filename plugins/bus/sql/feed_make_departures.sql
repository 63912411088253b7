-- What departures are read from: what leaves each stop, the days on which something runs,
-- and the stops of stations.
create function feed_make_departures(feed int)
returns void
language plpgsql
as $$
begin
    insert into departures (feed, stop, departure, trip, sequence, service, starts,
                            trip_id, headway, shown)
    select k.feed, k.stop, k.departure, k.trip, k.sequence, k.service, t.starts, t.id,
           t.headway, t.shown
      from calls k
      join (select x.number, x.starts, x.id, x.headway,
                   left(row_to_json(s)::text, -1) as shown
              from trips x
             cross join lateral (
                select x.route_brief as route, x.headsign, x.id as trip) s
             where x.feed = feed_make_departures.feed
            offset 0) t on t.number = k.trip
     where k.feed = feed_make_departures.feed and k.boards
     order by k.stop, k.departure, k.trip, k.sequence;

    insert into feed_days (feed, day, starts, ends, services)
    select d.feed, d.day, t.starts, t.starts + max(l.departure) * interval '1 second',
           array_agg(d.service order by d.service)
      from service_days d
      join feeds f on f.id = d.feed
      join (select x.service, max(x.departure) as departure
              from departures x
             where x.feed = feed_make_departures.feed
             group by x.service) l on l.service = d.service
     cross join lateral gtfs_time(d.day, 0, f.timezone) as t (starts)
     where d.feed = feed_make_departures.feed
     group by d.feed, d.day, t.starts;

    update stops s
       set platforms = case when s.location_type = 0 then array[s.number]
                            else array(select x.number from stops x
                                        where x.feed = s.feed and x.parent = s.id
                                          and x.location_type = 0
                                        order by x.number) end
     where s.feed = feed_make_departures.feed;
end
$$;

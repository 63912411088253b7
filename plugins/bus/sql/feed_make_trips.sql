-- Trips of one route, direction and sequence of stops are one pattern; a trip of
-- frequencies.txt becomes one for each of its departures.
create function feed_make_trips(feed int)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'frequencies.txt',
           '{trip_id,start_time,end_time,headway_secs,exact_times}');
begin
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_make_trips.feed, 'error', n.code, 'frequencies.txt', l.line, n.detail
      from feed_lines l
     cross join lateral (
        select 'invalid_time' as code, f.value as detail
          from unnest(array[l.fields[c[2]], l.fields[c[3]]]) as f (value)
         where gtfs_seconds(f.value) is null
        union all
        select 'start_and_end_range_out_of_order', l.fields[c[1]]
         where gtfs_seconds(l.fields[c[2]]) >= gtfs_seconds(l.fields[c[3]])
        union all
        select 'number_out_of_range', 'headway_secs ' || coalesce(l.fields[c[4]], '')
         where gtfs_integer(l.fields[c[4]], 10, 86400) is null) n
     where l.feed = feed_make_trips.feed and l.file = 'frequencies.txt';

    perform feed_check_references(feed, 'frequencies.txt', 'trip_id',
                                  'trips.txt', 'trip_id');

    update feed_trips t
       set pattern = p.number
      from (select x.id, dense_rank() over (order by x.route, x.direction, s.stops,
                                                     s.counts, s.boards, s.alights)
                         as number
              from feed_trips x
              join (select k.trip, array_agg(k.stop order by k.sequence) as stops,
                           array_agg(k.stop_sequence order by k.sequence) as counts,
                           array_agg(k.boards order by k.sequence) as boards,
                           array_agg(k.alights order by k.sequence) as alights
                      from feed_calls k
                     where k.feed = feed_make_trips.feed
                     group by k.trip
                    having count(*) > 1) s on s.trip = x.id
             where x.feed = feed_make_trips.feed) p
     where t.feed = feed_make_trips.feed and t.id = p.id;

    insert into patterns (feed, number, route, direction, headsign, stops)
    select t.feed, t.pattern, min(t.route), min(t.direction),
           coalesce(mode() within group (order by t.headsign),
                    (select s.name from feed_calls k
                       join stops s on s.feed = k.feed and s.number = k.stop
                      where k.feed = t.feed and k.trip = min(t.id)
                      order by k.sequence desc limit 1)),
           (select array_agg(k.stop order by k.sequence) from feed_calls k
             where k.feed = t.feed and k.trip = min(t.id))
      from feed_trips t
     where t.feed = feed_make_trips.feed and t.pattern is not null
     group by t.feed, t.pattern;

    insert into pattern_stops (feed, pattern, sequence, stop_sequence, stop, boards,
                               alights)
    select k.feed, t.pattern, k.sequence, k.stop_sequence, k.stop, k.boards, k.alights
      from (select distinct on (x.pattern) x.pattern, x.id
              from feed_trips x
             where x.feed = feed_make_trips.feed and x.pattern is not null
             order by x.pattern, x.id) t
      join feed_calls k on k.feed = feed_make_trips.feed and k.trip = t.id;

    insert into trips (feed, number, id, pattern, service, headsign,
                       route_brief, starts, frequency, headway, wheelchair)
    select t.feed, row_number() over (order by t.pattern, d.starts, t.id), t.id,
           t.pattern, t.service, coalesce(t.headsign, p.headsign), route_brief(r),
           d.starts, d.frequency, d.headway, t.wheelchair
      from feed_trips t
      join patterns p on p.feed = t.feed and p.number = t.pattern
      join routes r on r.feed = t.feed and r.id = p.route
      join feed_calls k on k.feed = t.feed and k.trip = t.id and k.sequence = 1
     cross join lateral (
        select f.starts, true as frequency,
               case when coalesce(l.fields[c[5]], '') = '1' then null
                    else gtfs_integer(l.fields[c[4]], 10, 86400) end as headway
          from feed_lines l
         cross join lateral generate_series(
                    gtfs_seconds(l.fields[c[2]]),
                    gtfs_seconds(l.fields[c[3]]) - 1,
                    gtfs_integer(l.fields[c[4]], 10, 86400)) as f (starts)
         where l.feed = t.feed and l.file = 'frequencies.txt'
           and l.fields[c[1]] = t.id
        union all
        select k.departure, false, null
         where not exists (select from feed_lines l
                            where l.feed = t.feed and l.file = 'frequencies.txt'
                              and l.fields[c[1]] = t.id)) d
     where t.feed = feed_make_trips.feed and d.starts is not null;

    insert into calls (feed, trip, sequence, pattern, stop, service, arrival,
                       departure, boards, alights)
    select t.feed, t.number, k.sequence, t.pattern, k.stop, t.service,
           k.arrival + t.starts - b.departure, k.departure + t.starts - b.departure,
           k.boards and k.sequence < cardinality(p.stops), k.alights
      from trips t
      join patterns p on p.feed = t.feed and p.number = t.pattern
      join feed_calls b on b.feed = t.feed and b.trip = t.id and b.sequence = 1
      join feed_calls k on k.feed = t.feed and k.trip = t.id
     where t.feed = feed_make_trips.feed;

    update feeds f
       set last_second = (select max(k.departure) from calls k where k.feed = f.id)
     where f.id = feed_make_trips.feed;
end
$$;

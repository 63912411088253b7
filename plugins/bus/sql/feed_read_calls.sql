-- stop_times.txt: times in seconds, those between timepoints spread evenly, and
-- sequences counted 1, 2, 3 ...
create function feed_read_calls(feed int)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'stop_times.txt',
           '{trip_id,stop_sequence,stop_id,arrival_time,departure_time,pickup_type,drop_off_type}');
begin
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_calls.feed, 'error', n.code, 'stop_times.txt', l.line, n.detail
      from feed_lines l
     cross join lateral (values
        ('missing_required_field', 'trip_id', coalesce(l.fields[c[1]], '') = ''),
        ('missing_required_field', 'stop_id', coalesce(l.fields[c[3]], '') = ''),
        ('invalid_integer', 'stop_sequence ' || coalesce(l.fields[c[2]], ''),
         gtfs_integer(l.fields[c[2]], 0, 999999999) is null),
        ('invalid_time', l.fields[c[4]],
         l.fields[c[4]] <> '' and gtfs_seconds(l.fields[c[4]]) is null),
        ('invalid_time', l.fields[c[5]],
         l.fields[c[5]] <> '' and gtfs_seconds(l.fields[c[5]]) is null))
        as n (code, detail, wrong)
     where l.feed = feed_read_calls.feed and l.file = 'stop_times.txt' and n.wrong;

    perform feed_check_references(feed, 'stop_times.txt', 'trip_id',
                                  'trips.txt', 'trip_id');
    perform feed_check_references(feed, 'stop_times.txt', 'stop_id',
                                  'stops.txt', 'stop_id');

    insert into feed_calls (feed, line, trip, sequence, stop_sequence, stop,
                            arrival, departure, boards, alights)
    select l.feed, l.line, l.fields[c[1]],
           row_number() over (partition by l.fields[c[1]]
                              order by gtfs_integer(l.fields[c[2]], 0, 999999999)),
           gtfs_integer(l.fields[c[2]], 0, 999999999), s.number,
           gtfs_seconds(coalesce(nullif(l.fields[c[4]], ''), l.fields[c[5]])),
           gtfs_seconds(coalesce(nullif(l.fields[c[5]], ''), l.fields[c[4]])),
           coalesce(l.fields[c[6]], '') <> '1', coalesce(l.fields[c[7]], '') <> '1'
      from feed_lines l
      join stops s on s.feed = l.feed and s.id = l.fields[c[3]]
     where l.feed = feed_read_calls.feed and l.file = 'stop_times.txt'
       and gtfs_integer(l.fields[c[2]], 0, 999999999) is not null;

    analyze feed_calls;

    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_calls.feed, 'error', 'duplicate_key', 'stop_times.txt',
           max(l.line), l.fields[c[1]] || ' ' || l.fields[c[2]]
      from feed_lines l
     where l.feed = feed_read_calls.feed and l.file = 'stop_times.txt'
     group by l.fields[c[1]], l.fields[c[2]]
    having count(*) > 1;

    -- a trip begins and ends at a time, calls twice at least, and goes forward
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_calls.feed, n.severity, n.code, 'stop_times.txt', n.line, n.trip
      from (select 'error' as severity, 'missing_trip_edge' as code, x.line, x.trip
              from (select k.*, max(k.sequence) over (partition by k.trip) as last
                      from feed_calls k where k.feed = feed_read_calls.feed) x
             where x.sequence in (1, x.last) and x.arrival is null
            union all
            select 'warning', 'unusable_trip', min(k.line), k.trip
              from feed_calls k
             where k.feed = feed_read_calls.feed
             group by k.trip
            having count(*) < 2
            union all
            select 'error', 'stop_time_with_departure_before_arrival_time', k.line, k.trip
              from feed_calls k
             where k.feed = feed_read_calls.feed and k.departure < k.arrival
            union all
            select 'error', 'stop_time_with_arrival_before_previous_departure_time',
                   x.line, x.trip
              from (select k.line, k.trip, k.arrival,
                           lag(k.departure) over (partition by k.trip order by k.sequence)
                               as before
                      from feed_calls k
                     where k.feed = feed_read_calls.feed
                       and k.arrival is not null) x
             where x.arrival < x.before) n;

    -- between two timepoints each stop is as far as the next
    update feed_calls k
       set arrival = g.at, departure = g.at
      from (select x.line,
                   x.begins + (x.ends - x.begins) * x.steps / x.whole as at
              from (select y.line, y.arrival,
                           max(y.departure) over known as begins,
                           y.sequence - max(y.sequence) filter (where y.arrival is not null)
                               over known as steps,
                           (select z.arrival from feed_calls z
                             where z.feed = y.feed and z.trip = y.trip
                               and z.sequence > y.sequence and z.arrival is not null
                             order by z.sequence limit 1) as ends,
                           (select z.sequence from feed_calls z
                             where z.feed = y.feed and z.trip = y.trip
                               and z.sequence > y.sequence and z.arrival is not null
                             order by z.sequence limit 1)
                           - max(y.sequence) filter (where y.arrival is not null)
                               over known as whole
                      from feed_calls y
                     where y.feed = feed_read_calls.feed
                       and y.trip in (select e.trip from feed_calls e
                                       where e.feed = feed_read_calls.feed
                                         and e.arrival is null)
                    window known as (partition by y.trip order by y.sequence)) x
             where x.arrival is null) g
     where k.feed = feed_read_calls.feed and k.line = g.line;
end
$$;

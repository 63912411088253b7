-- trips.txt.
create function feed_read_trips(feed int)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'trips.txt',
           '{trip_id,route_id,service_id,direction_id,trip_headsign,wheelchair_accessible}');
begin
    insert into feed_trips (feed, id, route, service, direction, headsign, wheelchair)
    select distinct on (l.fields[c[1]])
           l.feed, l.fields[c[1]], l.fields[c[2]], s.number,
           gtfs_integer(l.fields[c[4]], 0, 1), nullif(l.fields[c[5]], ''),
           gtfs_integer(l.fields[c[6]], 0, 2)
      from feed_lines l
      join services s on s.feed = l.feed and s.id = l.fields[c[3]]
      join routes r on r.feed = l.feed and r.id = l.fields[c[2]]
     where l.feed = feed_read_trips.feed and l.file = 'trips.txt'
       and l.fields[c[1]] <> ''
     order by l.fields[c[1]], l.line;

    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_trips.feed, 'error', 'missing_required_field', 'trips.txt',
           l.line, n.name
      from feed_lines l
     cross join lateral (values ('trip_id', l.fields[c[1]]),
                                ('route_id', l.fields[c[2]]),
                                ('service_id', l.fields[c[3]])) as n (name, value)
     where l.feed = feed_read_trips.feed and l.file = 'trips.txt'
       and coalesce(n.value, '') = '';

    perform feed_check_keys(feed, 'trips.txt', 'trip_id');
    perform feed_check_references(feed, 'trips.txt', 'route_id',
                                  'routes.txt', 'route_id');

    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_trips.feed, 'error', 'foreign_key_violation', 'trips.txt',
           min(l.line), format('service_id "%s" has no calendar', l.fields[c[3]])
      from feed_lines l
     where l.feed = feed_read_trips.feed and l.file = 'trips.txt'
       and l.fields[c[3]] <> ''
       and not exists (select from services s
                        where s.feed = l.feed and s.id = l.fields[c[3]])
     group by l.fields[c[3]];

    analyze feed_trips;
end
$$;

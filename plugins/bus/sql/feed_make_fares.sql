-- fare_attributes.txt and fare_rules.txt. A fare without a rule holds for each ride,
-- another where one of its rules does: of the route, the zone of boarding and that of
-- leaving. Rules that differ by contains_id alone are one, of a ride that calls in all
-- of those zones and in no other.
create function feed_make_fares(feed int)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'fare_attributes.txt',
           '{fare_id,price,currency_type,transfers}');
    r  int[] := feed_positions(feed, 'fare_rules.txt',
           '{fare_id,route_id,origin_id,destination_id,contains_id}');
begin
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_make_fares.feed, 'error', 'invalid_currency_amount',
           'fare_attributes.txt', l.line,
           coalesce(l.fields[c[2]], '') || ' ' || coalesce(l.fields[c[3]], '')
      from feed_lines l
     where l.feed = feed_make_fares.feed and l.file = 'fare_attributes.txt'
       and (coalesce(l.fields[c[2]], '') !~ '^[0-9]{1,9}(\.[0-9]{1,3})?$'
            or coalesce(l.fields[c[3]], '') !~ '^[A-Z]{3}$');

    perform feed_check_references(feed, 'fare_rules.txt', 'fare_id',
                                  'fare_attributes.txt', 'fare_id');
    perform feed_check_references(feed, 'fare_rules.txt', 'route_id',
                                  'routes.txt', 'route_id');

    perform feed_check_references(feed, 'fare_rules.txt', 'origin_id',
                                  'stops.txt', 'zone_id');
    perform feed_check_references(feed, 'fare_rules.txt', 'destination_id',
                                  'stops.txt', 'zone_id');
    perform feed_check_references(feed, 'fare_rules.txt', 'contains_id',
                                  'stops.txt', 'zone_id');

    with lines as (
        select l.feed, l.fields[c[1]] as id, nullif(x.fields[r[2]], '') as route,
               nullif(x.fields[r[3]], '') as origin,
               nullif(x.fields[r[4]], '') as destination,
               nullif(x.fields[r[5]], '') as zone,
               l.fields[c[2]]::numeric as price, l.fields[c[3]] as currency,
               gtfs_integer(l.fields[c[4]], 0, 9) as transfers
          from feed_lines l
          left join feed_lines x
            on x.feed = l.feed and x.file = 'fare_rules.txt'
           and x.fields[r[1]] = l.fields[c[1]]
         where l.feed = feed_make_fares.feed and l.file = 'fare_attributes.txt'
           and l.fields[c[2]] ~ '^[0-9]{1,9}(\.[0-9]{1,3})?$'
           and l.fields[c[3]] ~ '^[A-Z]{3}$'
    ), rules as (
        select y.feed, y.id, y.route, y.origin, y.destination, y.price, y.currency,
               y.transfers,
               array_agg(distinct y.zone order by y.zone)
                   filter (where y.zone is not null) as zones
          from lines y
         group by y.feed, y.id, y.route, y.origin, y.destination, y.price, y.currency,
                  y.transfers, y.zone is null
    ), everywhere as (
        insert into fares (feed, id, route, price, currency, transfers)
        select y.feed, y.id, y.route, y.price, y.currency, y.transfers
          from rules y
         where y.zones is null and y.origin is null and y.destination is null
    ), by_way as (
        insert into way_fares (feed, id, route, origin, destination, zones, price, currency,
                               transfers)
        select y.feed, y.id, y.route, y.origin, y.destination, y.zones, y.price, y.currency,
               y.transfers
          from rules y
         where y.zones is not null
    )
    insert into zone_fares (feed, id, route, origin, destination, price, currency,
                            transfers)
    select y.feed, y.id, y.route, y.origin, y.destination, y.price, y.currency,
           y.transfers
      from rules y
     where y.zones is null and (y.origin is not null or y.destination is not null);
end
$$;

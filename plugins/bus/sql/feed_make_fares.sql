-- fare_attributes.txt and fare_rules.txt, by route; zones are not read.
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

    insert into feed_notices (feed, severity, code, file, detail)
    select feed_make_fares.feed, 'warning', 'fare_zones_not_used', 'fare_rules.txt', null
     where exists (select from feed_lines l
                    where l.feed = feed_make_fares.feed and l.file = 'fare_rules.txt'
                      and concat(l.fields[r[3]], l.fields[r[4]], l.fields[r[5]]) <> '');

    insert into fares (feed, id, route, price, currency, transfers)
    select distinct l.feed, l.fields[c[1]], nullif(x.fields[r[2]], ''),
           l.fields[c[2]]::numeric, l.fields[c[3]],
           gtfs_integer(l.fields[c[4]], 0, 9)
      from feed_lines l
      left join feed_lines x
        on x.feed = l.feed and x.file = 'fare_rules.txt'
       and x.fields[r[1]] = l.fields[c[1]]
     where l.feed = feed_make_fares.feed and l.file = 'fare_attributes.txt'
       and l.fields[c[2]] ~ '^[0-9]{1,9}(\.[0-9]{1,3})?$'
       and l.fields[c[3]] ~ '^[A-Z]{3}$'
       and concat(x.fields[r[3]], x.fields[r[4]], x.fields[r[5]]) = '';
end
$$;

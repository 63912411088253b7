-- The cheapest ticket, in đồng, for one ride of a route along stops, by number, from the
-- one where it is boarded to the one where it is left; null when the feed has none. A
-- stop without a zone is in none. Not in SQL, which would be planned in each call.
create function ride_price(feed int, route text, way int[])
returns numeric
language plpgsql stable
as $$
declare
    called     text[] := array(                  -- its zones, call by call
        select s.zone
          from unnest(way) with ordinality as w (stop, n)
          join stops s on s.feed = ride_price.feed and s.number = w.stop
         order by w.n);
    boarded    text := called[1];
    left_in    text := called[cardinality(called)];
    all_zones  text[] := array(
        select distinct c.zone from unnest(called) as c (zone)
         where c.zone is not null
         order by c.zone);
begin
    return (
        select min(x.price)
          from (select f.price, f.currency
                  from fares f
                 where f.feed = ride_price.feed
                   and (f.route = ride_price.route or f.route is null)
                union all
                select z.price, z.currency
                  from zone_fares z
                 where z.feed = ride_price.feed
                   and (z.route = ride_price.route or z.route is null)
                   and (z.origin = boarded or z.origin is null)
                   and (z.destination = left_in or z.destination is null)
                union all
                select y.price, y.currency
                  from way_fares y
                 where y.feed = ride_price.feed
                   and (y.route = ride_price.route or y.route is null)
                   and (y.origin = boarded or y.origin is null)
                   and (y.destination = left_in or y.destination is null)
                   and y.zones = all_zones) x
         where x.currency = 'VND');
end
$$;

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
          from (select f.feed, f.route, null as origin, null as destination,
                       null::text[] as zones, f.price, f.currency
                  from fares f
                union all
                select z.feed, z.route, z.origin, z.destination, null, z.price, z.currency
                  from zone_fares z
                union all
                select y.feed, y.route, y.origin, y.destination, y.zones, y.price, y.currency
                  from way_fares y) x
         where x.feed = ride_price.feed
           and (x.route = ride_price.route or x.route is null)
           and (x.origin = boarded or x.origin is null)
           and (x.destination = left_in or x.destination is null)
           and (x.zones = all_zones or x.zones is null)
           and x.currency = 'VND');
end
$$;

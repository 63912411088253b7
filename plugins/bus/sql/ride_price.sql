-- The cheapest ticket, in đồng, for one ride of a route from a stop in one zone to a stop
-- in another; null when the feed has none. A stop without a zone is in none. Not in SQL,
-- which would be planned in each call.
create function ride_price(feed int, route text, origin text, destination text)
returns numeric
language plpgsql stable
as $$
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
                   and (z.origin = ride_price.origin or z.origin is null)
                   and (z.destination = ride_price.destination or z.destination is null)) x
         where x.currency = 'VND');
end
$$;

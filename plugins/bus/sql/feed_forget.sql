-- Takes an import away, all of it.
create function feed_forget(id int)
returns void
language plpgsql
as $$
begin
    delete from departures x where x.feed = feed_forget.id;
    delete from calls x where x.feed = feed_forget.id;
    delete from trips x where x.feed = feed_forget.id;
    delete from pattern_stops x where x.feed = feed_forget.id;
    delete from patterns x where x.feed = feed_forget.id;
    delete from transfers x where x.feed = feed_forget.id;
    delete from fares x where x.feed = feed_forget.id;
    delete from zone_fares x where x.feed = feed_forget.id;
    delete from way_fares x where x.feed = feed_forget.id;
    delete from service_days x where x.feed = feed_forget.id;
    delete from services x where x.feed = feed_forget.id;
    delete from routes x where x.feed = feed_forget.id;
    delete from stops x where x.feed = feed_forget.id;
    delete from feed_calls x where x.feed = feed_forget.id;
    delete from feed_trips x where x.feed = feed_forget.id;
    delete from feed_lines x where x.feed = feed_forget.id;
    delete from feeds x where x.id = feed_forget.id;
end
$$;

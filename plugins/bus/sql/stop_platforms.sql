-- Where vehicles call: the stop itself, or all stops of a station.
create function stop_platforms(s stops)
returns setof stops
language sql stable parallel safe
as $$
    select x.* from stops x where x.feed = s.feed and x.number = any (s.platforms)
$$;

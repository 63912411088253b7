-- Where vehicles call: the stop itself, or all stops of a station.
create function stop_platforms(s stops)
returns setof stops
language sql stable parallel safe
as $$
    select s.* where s.location_type = 0
    union all
    select x.* from stops x
     where s.location_type <> 0 and x.feed = s.feed and x.parent = s.id
       and x.location_type = 0
$$;

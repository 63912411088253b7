-- Where vehicles call: the stop itself, or all stops of a station.
create function stop_platforms(s stops)
returns int[]
language sql stable parallel safe
as $$
    select case s.location_type
               when 0 then array[s.number]
               else coalesce((select array_agg(x.number) from stops x
                               where x.feed = s.feed and x.parent = s.id
                                 and x.location_type = 0), '{}') end
$$;

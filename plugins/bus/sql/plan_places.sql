-- The stops of one end of a journey, with the seconds on foot: those of a named
-- stop or station and what is near to them, or up to 20 within 600 m of a point.
-- departing: from there; else to there.
create function plan_places(feed int, id text, lat float8, long float8,
                            departing boolean)
returns table (stop int, walk int)
language plpgsql stable
as $$
declare
    here  geography := st_point(long, lat, 4326)::geography;
begin
    if id is not null then
        return query
        with named as (
            select p.number as stop
              from stops s cross join stop_platforms(s) p
             where s.feed = plan_places.feed and s.id = plan_places.id
        )
        select x.stop, min(x.walk)
          from (select n.stop, 0 as walk from named n
                union all
                select t.to_stop, t.seconds
                  from named n
                  join transfers t on t.feed = plan_places.feed
                                  and t.from_stop = n.stop
                 where departing
                union all
                select t.from_stop, t.seconds
                  from named n
                  join transfers t on t.feed = plan_places.feed
                                  and t.to_stop = n.stop
                 where not departing) x
         group by x.stop;
    else
        return query
        select s.number, ceil(st_distance(s.location, here))::int
          from stops s
         where s.feed = plan_places.feed and s.location_type = 0
           and st_dwithin(s.location, here, 600)
         order by s.location <-> here
         limit 20;
    end if;
end
$$;

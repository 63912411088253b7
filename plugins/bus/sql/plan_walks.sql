-- Where those who left a bus can board the next: the same stop a minute later, or
-- one that is near; unless an arrival by bus, best, lets them board no later.
create function plan_walks(feed int, labels plan_label[], best int[])
returns setof plan_label
language plpgsql stable
as $$
begin
    return query
    select distinct on (w.stop)
           w.stop, w.at, l.stop, w.walk, l.trip, l.day_back, l.board, l.alight, l.origin
      from unnest(labels) l
     cross join lateral (
        select l.stop, l.at + 60 as at, 60 as walk
        union all
        select t.to_stop, l.at + t.seconds, t.seconds
          from transfers t
         where t.feed = plan_walks.feed and t.from_stop = l.stop) w
     where w.at - 60 <= best[w.stop]
     order by w.stop, w.at;
end
$$;

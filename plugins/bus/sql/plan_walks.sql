-- Where those who left a bus can board the next: the same stop a minute later, or
-- one that is near, if that is earlier than ever before.
create function plan_walks(feed int, labels plan_label[], best int[])
returns setof plan_label
language sql stable
as $$
    select distinct on (w.stop)
           (w.stop, w.at, l.stop, w.walk, l.trip, l.day_back, l.board, l.alight,
            l.origin)::plan_label
      from unnest(labels) l
     cross join lateral (
        select l.stop, l.at + 60 as at, 60 as walk
        union all
        select t.to_stop, l.at + t.seconds, t.seconds
          from transfers t
         where t.feed = plan_walks.feed and t.from_stop = l.stop) w
     where w.stop = l.stop or w.at < best[w.stop]
     order by w.stop, w.at
$$;

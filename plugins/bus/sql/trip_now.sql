-- What the agency says of a trip at one of its calls: its delay in seconds, and
-- whether it does not run or does not call there. No row: nothing.
create function trip_now(spoken timestamptz, trip_id text, day date, starts int,
                         sequence int)
returns table (delay int, cancelled boolean)
language sql stable
as $$
    select d.delay, t.cancelled or coalesce(d.skipped, false)
      from realtime_trips t
      left join lateral (
        select x.delay, x.skipped and x.sequence = trip_now.sequence as skipped
          from realtime_delays x
         where x.trip_id = t.trip_id and x.day = t.day and x.starts = t.starts
           and x.sequence <= trip_now.sequence
         order by x.sequence desc
         limit 1) d on true
     where spoken is not null
       and t.trip_id = trip_now.trip_id and t.day = trip_now.day
       and t.starts = trip_now.starts
$$;

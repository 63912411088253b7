-- One more ride, as RAPTOR has it (Delling, Pajor, Werneck, 2012): from these
-- labels, number first + 1 and so on of all, each pattern is boarded wherever
-- that catches an earlier trip, and left at every later call that is reached
-- earlier than ever before.
--
-- patterns: only those, or null. services: of the service day, of the one before, whose
-- trips after 24:00 still run, and of the one after. By the number of a stop: best, the
-- earliest arrival so far; ends, the seconds on foot to where the journey goes,
-- null where it does not end. Nothing that arrives at latest or later is looked at. Not in
-- SQL, which would be planned in each call.
create function plan_round(feed int, labels plan_label[], first int,
                           patterns int[], services int[], services_before int[],
                           services_after int[], best int[], ends int[], latest int)
returns setof plan_label
language plpgsql stable
as $$
begin
    return query
    with label as materialized (
        select l.stop, l.at, first + l.ordinality::int as n
          from unnest(labels) with ordinality l
    ), ride as materialized (
        select x.pattern, x.sequence, l.n, c.trip, c.day_back
          from label l
          join pattern_stops x on x.feed = plan_round.feed and x.stop = l.stop
                              and x.boards
         cross join lateral (
            (select k.trip, 0 as day_back, k.departure
               from calls k
              where k.feed = plan_round.feed and k.pattern = x.pattern
                and k.sequence = x.sequence and k.departure >= l.at
                and k.departure < latest and k.service = any (services)
              order by k.departure
              limit 1)
            union all
            (select k.trip, 1, k.departure - 86400
               from calls k
              where services_before is not null
                and k.feed = plan_round.feed and k.pattern = x.pattern
                and k.sequence = x.sequence and k.departure >= l.at + 86400
                and k.departure < latest + 86400
                and k.service = any (services_before)
              order by k.departure
              limit 1)
            union all
            (select k.trip, -1, k.departure + 86400
               from calls k
              where services_after is not null
                and k.feed = plan_round.feed and k.pattern = x.pattern
                and k.sequence = x.sequence and k.departure >= l.at - 86400
                and k.departure < latest - 86400
                and k.service = any (services_after)
              order by k.departure
              limit 1)
            order by departure
            limit 1) c
         where patterns is null or x.pattern = any (patterns)
    ), useful as materialized (
        -- trips are numbered by when they start within one service day
        select r.*
          from (select y.*, min(y.trip) over (
                           partition by y.pattern, y.day_back order by y.sequence
                           rows between unbounded preceding and 1 preceding) as before
                  from ride y) r
         where r.before is null or r.trip < r.before
    )
    select distinct on (k.stop)
           k.stop, k.arrival - u.day_back * 86400, k.stop, 0, u.trip, u.day_back,
           u.sequence, k.sequence, u.n
      from useful u
      join calls k on k.feed = plan_round.feed and k.trip = u.trip
                  and k.sequence > u.sequence
     where k.alights
       and k.arrival - u.day_back * 86400 < latest
       and (k.arrival - u.day_back * 86400 < best[k.stop]
            or k.arrival - u.day_back * 86400 + ends[k.stop] < latest)
     order by k.stop, k.arrival - u.day_back * 86400;
end
$$;

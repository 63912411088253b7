-- The legs of the journey that ends with label number n, and a walk of so many
-- seconds from there.
create function plan_journey(f feeds, labels plan_label[], n int, walk int, day date)
returns json
language plpgsql stable
as $$
declare
    legs     json[] := '{}';
    l        plan_label := labels[n];
    starts   timestamptz;
    rides    int := 0;
    walked   int := walk;
    fare     numeric := 0;
    ride     record;
begin
    if walk > 0 then
        legs := array[json_build_object(
            'mode', 'walk', 'seconds', walk,
            'from', (select s.document from stops s
                      where s.feed = f.id and s.number = l.from_stop))];
    end if;

    while l.trip is not null loop
        select t.id as trip, t.headsign, t.route_brief as route,
               b.departure, a.arrival, day - l.day_back as of_day, t.headway,
               bs.document as boarded, ls.document as left_at,
               ride_price(f.id, p.route, p.stops[l.board:l.alight]) as price
          into strict ride
          from trips t
          join patterns p on p.feed = t.feed and p.number = t.pattern
          join calls b on b.feed = t.feed and b.trip = t.number and b.sequence = l.board
          join calls a on a.feed = t.feed and a.trip = t.number and a.sequence = l.alight
          join stops bs on bs.feed = t.feed and bs.number = b.stop
          join stops ls on ls.feed = t.feed and ls.number = a.stop
         where t.feed = f.id and t.number = l.trip;

        rides := rides + 1;
        fare := fare + ride.price;
        starts := gtfs_time(ride.of_day, ride.departure, f.timezone);

        legs := array[json_build_object(
            'mode', 'ride', 'route', ride.route, 'headsign', ride.headsign,
            'trip', ride.trip, 'day', ride.of_day, 'headway', ride.headway,
            'from', ride.boarded, 'departs_at', starts,
            'to', ride.left_at,
            'arrives_at', gtfs_time(ride.of_day, ride.arrival, f.timezone),
            'calls', l.alight - l.board)] || legs;

        l := labels[l.origin];

        if l.from_stop is distinct from l.stop and l.walk > 0 then
            walked := walked + l.walk;
            legs := array[json_build_object(
                'mode', 'walk', 'seconds', l.walk,
                'from', (select s.document from stops s
                          where s.feed = f.id and s.number = l.from_stop),
                'to', (select s.document from stops s
                        where s.feed = f.id and s.number = l.stop))] || legs;
        end if;
    end loop;

    return json_build_object(
        'departs_at', starts - make_interval(secs => l.walk),
        'arrives_at', gtfs_time(day, labels[n].at + walk, f.timezone),
        'transfers', rides - 1,
        'walk', walked,
        'fare', case when fare is not null then json_build_object(
                    'amount', fare::bigint, 'currency', 'VND') end,
        'legs', to_json(legs));
end
$$;

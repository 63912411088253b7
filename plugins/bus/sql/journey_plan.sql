-- GET /v1/bus/journeys: from a stop or point to another, leaving at a time or
-- later: the earliest arrival with one ride, and each that more rides make
-- earlier. README.md says what it does not look for.
--
-- Its statements, and those of what it calls, are planned once a session: a plan for these
-- very arguments looks cheaper, as it knows which services there are none of, but is made
-- again in each call, with whole arrays in it, and takes longer than it saves.
create function journey_plan(caller jsonb, from_stop text, from_lat float8,
                             from_long float8, to_stop text, to_lat float8,
                             to_long float8, depart_at timestamptz, transfers int)
returns table (status int, etag text, body json)
language plpgsql stable
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    f         feeds;
    since     timestamptz := coalesce(depart_at, now());
    today     date;
    second    int;
    now_run   int[];
    ran       int[];
    will_run  int[];
    ends      int[];                           -- seconds on foot, by stop number
    place     record;
    goals     int[] := '{}';                   -- stops that it may end at
    toward    int[];                           -- patterns that call there
    labels    plan_label[];
    added     plan_label[];
    best      int[];                           -- the earliest arrival so far, by stop number
    latest    int;
    first     int := 1;
    last      int;
    reached   int;
    journeys  json[] := '{}';
begin
    if (from_stop is null) = (from_lat is null) or (to_stop is null) = (to_lat is null)
       or (from_lat is null) <> (from_long is null)
       or (to_lat is null) <> (to_long is null)
    then
        return query select null::int, null::text, json_build_object(
            'code', 'bus-search-unclear');
        return;
    end if;

    select x.* into f from feeds x where x.state = 'current';

    if not found
       or from_stop is not null
          and not exists (select from stops s where s.feed = f.id and s.id = from_stop)
       or to_stop is not null
          and not exists (select from stops s where s.feed = f.id and s.id = to_stop)
    then
        return;
    end if;

    today := (since at time zone f.timezone)::date;
    second := extract(epoch from since - gtfs_time(today, 0, f.timezone));
    latest := second + 4 * 3600;

    select array_agg(d.service) into now_run from service_days d
     where d.feed = f.id and d.day = today;

    if second + 86400 <= f.last_second then
        select array_agg(d.service) into ran from service_days d
         where d.feed = f.id and d.day = today - 1;
    end if;

    if latest > 86400 then
        select array_agg(d.service) into will_run from service_days d
         where d.feed = f.id and d.day = today + 1;
    end if;

    select array_agg((p.stop, second + p.walk, null, p.walk, null, null, null, null,
                      null)::plan_label)
      into labels
      from plan_places(f.id, from_stop, from_lat, from_long, true) p;

    ends := array_fill(null::int, array[(f.counts ->> 'stops')::int]);
    best := array_fill(latest, array[cardinality(ends)]);

    for place in
        select * from plan_places(f.id, to_stop, to_lat, to_long, false)
    loop
        ends[place.stop] := place.walk;
        goals := goals || place.stop;
    end loop;

    select array_agg(distinct x.pattern)
      into toward
      from pattern_stops x
     where x.feed = f.id and x.stop = any (goals) and x.alights;

    last := coalesce(cardinality(labels), 0);

    for i in 1 .. last loop
        best[labels[i].stop] := labels[i].at - 60;
    end loop;

    for ride in 1 .. transfers + 1 loop
        exit when last < first or toward is null;

        select array_agg(r) into added
          from plan_round(f.id, labels[first:last], first - 1,
                          case when ride = transfers + 1 then toward end,
                          now_run, ran, will_run, best, ends, latest) r;

        exit when added is null;

        first := last + 1;
        labels := labels || added;
        last := cardinality(labels);

        for i in first .. last loop
            best[labels[i].stop] := least(best[labels[i].stop], labels[i].at);
        end loop;

        select n.n into reached
          from generate_series(first, last) as n (n)
         where ends[labels[n.n].stop] is not null
           and labels[n.n].at + ends[labels[n.n].stop] < latest
         order by labels[n.n].at + ends[labels[n.n].stop]
         limit 1;

        if reached is not null then
            latest := labels[reached].at + ends[labels[reached].stop];
            journeys := journeys || plan_journey(f, labels, reached,
                                                 ends[labels[reached].stop], today);
        end if;

        exit when ride = transfers + 1;

        select array_agg(w) into added
          from plan_walks(f.id, labels[first:last], best) w;

        first := last + 1;
        labels := labels || added;
        last := cardinality(labels);

        for i in first .. last loop
            best[labels[i].stop] := least(best[labels[i].stop], labels[i].at - 60);
        end loop;
    end loop;

    return query select 200, null::text, json_build_object(
        'at', since, 'items', to_json(journeys));
end
$$;

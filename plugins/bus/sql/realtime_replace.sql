-- Puts a message of the agency in place of the last one. One that is older than
-- the last, or from the future, changes nothing: false.
--
-- message: made_at (seconds since 1970), trips [{trip, day, starts, cancelled, calls
-- [{stop_sequence, stop, sequence, delay, time, arrives, skipped}]}], alerts.
--
-- A trip of frequencies.txt is one of its departures, which is named by when it starts
-- (TripDescriptor.start_time, required then); of any other trip that is not looked at.
create function realtime_replace(message jsonb)
returns boolean
language plpgsql
as $$
declare
    f      feeds;
    made   timestamptz := to_timestamp((message ->> 'made_at')::float8);
begin
    select x.* into f from feeds x where x.state = 'current';

    if not found or made > now() + interval '1 minute' then
        return false;
    end if;

    insert into realtime as r (made_at) values (made)
    on conflict (one) do update
       set made_at = excluded.made_at, received_at = now()
     where r.made_at <= excluded.made_at;

    if not found then
        return false;
    end if;

    delete from realtime_trips;
    delete from realtime_delays;
    delete from realtime_alerts;

    insert into realtime_trips (trip_id, day, starts, cancelled)
    select y.id, d.day, y.starts, (t ->> 'cancelled')::boolean
      from jsonb_array_elements(message -> 'trips') t
      join trips y on y.feed = f.id and y.id = t ->> 'trip'
                  and (not y.frequency or y.starts = gtfs_seconds(t ->> 'starts'))
     cross join realtime_day(f, y, t ->> 'day') d (day)
     where d.day is not null
    on conflict do nothing;

    -- Calls by stop_sequence, else by stop; what is said of the whole trip stands before
    -- the first. A time, of the departure or else the arrival, becomes a delay. A call that
    -- is skipped has the delay of the one before, which goes on behind it; where there are
    -- no data, none goes on.
    with told as (
        select y.id as trip_id, d.day, y.starts,
               case when c ? 'sequence' then 0 else k.sequence end as sequence,
               coalesce((c ->> 'delay')::int,
                        extract(epoch from to_timestamp((c ->> 'time')::float8)
                                - gtfs_time(d.day,
                                            case when (c ->> 'arrives')::boolean then k.arrival
                                                 else k.departure end, f.timezone))::int) as delay,
               coalesce((c ->> 'skipped')::boolean, false) as skipped
          from jsonb_array_elements(message -> 'trips') t
         cross join jsonb_array_elements(t -> 'calls') c
          join trips y on y.feed = f.id and y.id = t ->> 'trip'
                      and (not y.frequency or y.starts = gtfs_seconds(t ->> 'starts'))
         cross join realtime_day(f, y, t ->> 'day') d (day)
          join pattern_stops p on p.feed = f.id and p.pattern = y.pattern
          join stops s on s.feed = f.id and s.number = p.stop
          join calls k on k.feed = f.id and k.trip = y.number and k.sequence = p.sequence
         where d.day is not null
           and case when c ? 'sequence' then p.sequence = (c ->> 'sequence')::int
                    when c ? 'stop_sequence'
                        then p.stop_sequence = (c ->> 'stop_sequence')::int
                    else s.id = c ->> 'stop' end
    ), once as (
        select distinct on (x.trip_id, x.day, x.starts, x.sequence) x.*
          from told x
         order by x.trip_id, x.day, x.starts, x.sequence
    ), counted as (
        select x.*, count(*) filter (where x.delay is not null or not x.skipped) over (
                        partition by x.trip_id, x.day, x.starts order by x.sequence) as said
          from once x
    )
    insert into realtime_delays (trip_id, day, starts, sequence, delay, skipped)
    select x.trip_id, x.day, x.starts, x.sequence,
           first_value(x.delay) over (partition by x.trip_id, x.day, x.starts, x.said
                                      order by x.sequence),
           x.skipped
      from counted x;

    insert into realtime_alerts (id, cause, effect, header, text, starts_at, ends_at,
                                 routes, stops)
    select a ->> 'id', a ->> 'cause', a ->> 'effect', a -> 'header', a -> 'text',
           to_timestamp((a ->> 'starts_at')::float8),
           to_timestamp((a ->> 'ends_at')::float8),
           array(select jsonb_array_elements_text(a -> 'routes')),
           array(select jsonb_array_elements_text(a -> 'stops'))
      from jsonb_array_elements(message -> 'alerts') a
    on conflict do nothing;

    return true;
end
$$;

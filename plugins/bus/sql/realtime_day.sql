-- The service day of which something is said of a trip: its start_date, or where that is
-- missing the day on which the trip begins next to now. After midnight most that still
-- run are of yesterday.
create function realtime_day(f feeds, t trips, start_date text)
returns date
language sql stable
as $$
    select coalesce(gtfs_date(start_date), (
        select d.day
          from service_days d
         cross join (select (now() at time zone f.timezone)::date as today) n
         where d.feed = f.id and d.service = t.service
           and d.day between n.today - 1 and n.today + 1
         order by abs(extract(epoch from gtfs_time(d.day, t.starts, f.timezone) - now()))
         limit 1))
$$;

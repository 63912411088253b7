-- The instant of a second of a service day, in the feed's time zone: noon minus
-- twelve hours, and so many seconds, also on days that change the clock.
create function gtfs_time(day date, second int, timezone text)
returns timestamptz
language sql stable parallel safe
return ((day + time '12:00') at time zone timezone)
       - interval '12 hours' + make_interval(secs => second);

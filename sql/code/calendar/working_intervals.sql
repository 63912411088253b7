-- When a calendar works, from one day to another (both included), in order.
-- A special day beats the weekday; what a calendar does not say, its parent
-- does: the nearest calendar that has a row for the day, or hours for the
-- weekday, decides alone.
create function working_intervals(calendar text, first date, last date)
returns table (day date, opens timestamptz, closes timestamptz)
language sql stable
as $$
    with recursive line (code, parent, time_zone, depth) as (
        select c.code, c.parent, c.time_zone, 0
        from core.calendars c
        where c.code = working_intervals.calendar
        union all
        select c.code, c.parent, l.time_zone, l.depth + 1
        from line l join core.calendars c on c.code = l.parent
        where l.depth < 8
    ),
    days as (
        select distinct on (d.day) d.day::date as day,
               case when s.day is null then extract(isodow from d.day)::int
                    else s.hours_of end as weekday
        from generate_series(working_intervals.first::timestamp,
                             working_intervals.last, '1 day') d (day)
             left join (line l
                        join core.calendar_days s
                             on s.calendar = l.code
                                and s.day between working_intervals.first and working_intervals.last)
                  on s.day = d.day::date
        order by d.day, l.depth
    ),
    hours as (
        select d.day, h.opens_at, h.closes_at, l.time_zone,
               rank() over (partition by d.day order by l.depth) as nearest
        from days d
             join core.calendar_hours h
                  on h.weekday = d.weekday and h.validity @> d.day
             join line l on l.code = h.calendar
    )
    select h.day,
           (h.day + h.opens_at) at time zone h.time_zone,
           (h.day + h.closes_at) at time zone h.time_zone
    from hours h
    where h.nearest = 1 and h.closes_at > h.opens_at
    order by h.day, h.opens_at
$$;

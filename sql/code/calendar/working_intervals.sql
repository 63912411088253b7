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
        select d.day::date as day,
               case when s.day is null then extract(isodow from d.day)::int
                    else s.hours_of end as weekday
        from generate_series(working_intervals.first::timestamp,
                             working_intervals.last, '1 day') d (day)
             left join lateral (
                 select s.day, s.hours_of
                 from line l join core.calendar_days s
                      on s.calendar = l.code and s.day = d.day::date
                 order by l.depth
                 limit 1
             ) s on true
    )
    select d.day,
           (d.day + h.opens_at) at time zone h.time_zone,
           (d.day + h.closes_at) at time zone h.time_zone
    from days d
         cross join lateral (
             select h.opens_at, h.closes_at, l.time_zone,
                    l.depth, min(l.depth) over () as nearest
             from line l join core.calendar_hours h
                  on h.calendar = l.code and h.weekday = d.weekday
                     and h.validity @> d.day
         ) h
    where h.depth = h.nearest and h.closes_at > h.opens_at
    order by d.day, h.opens_at
$$;

-- When something that started is due by a legal time limit, in the working
-- time of a unit: the limit that holds on the day it started. Null when there
-- is no such limit on that day.
create function time_limit_due(code text, unit uuid, start timestamptz)
returns timestamptz
language plpgsql stable
as $$
begin
    return (
        select case l.measure
            when 'working_hours' then
                working_time_add(c.calendar, time_limit_due.start,
                                 make_interval(secs => (l.amount * 3600)::float8))
            when 'working_days' then
                working_days_add(c.calendar, time_limit_due.start, l.amount::int)
            when 'calendar_days' then
                calendar_days_add(c.calendar, time_limit_due.start, l.amount::int)
            end
        from (select (time_limit_due.start at time zone 'Asia/Ho_Chi_Minh')::date) d (day)
             cross join lateral (select calendar_of(time_limit_due.unit, d.day)) c (calendar)
             join core.time_limits l
                  on l.code = time_limit_due.code and l.validity @> d.day);
end
$$;

-- How much working time lies between two moments; zero when they are in the
-- other order.
create function working_time_between(calendar text, start timestamptz, ends timestamptz)
returns interval
language plpgsql stable
as $$
begin
    return (
        select coalesce(sum(least(w.closes, working_time_between.ends)
                            - greatest(w.opens, working_time_between.start)), '0')
        from core.calendars c
             cross join lateral working_intervals(
                 working_time_between.calendar,
                 (working_time_between.start at time zone c.time_zone)::date,
                 (working_time_between.ends at time zone c.time_zone)::date) w
        where c.code = working_time_between.calendar
          and working_time_between.start < working_time_between.ends
          and w.closes > working_time_between.start
          and w.opens < working_time_between.ends);
end
$$;

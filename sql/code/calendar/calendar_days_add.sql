-- The end of the n-th calendar day after "start"; where that is no working
-- day, of the next one that is: due is the end of its office hours.
create function calendar_days_add(calendar text, start timestamptz, days int)
returns timestamptz
language sql stable
as $$
    -- The last day rolls forward: the first working day after the day before it.
    select working_days_add(
        calendar_days_add.calendar,
        calendar_days_add.start + make_interval(days => calendar_days_add.days - 1),
        1)
$$;

-- The end of the n-th working day after "start". The day of "start" is day
-- zero, whole working days are counted forward, due is the end of the last
-- one's office hours.
create function working_days_add(calendar text, start timestamptz, days int)
returns timestamptz
language plpgsql stable
as $$
declare
    zone   text;
    first  date;
    span   int := days * 2 + 14;
    due    timestamptz;
begin
    select c.time_zone into zone
    from core.calendars c
    where c.code = working_days_add.calendar;

    if zone is null then
        raise exception 'no calendar "%"', calendar;
    end if;

    first := (start at time zone zone)::date + 1;

    while span < 36600 loop
        select w.closes into due
        from (select i.day, max(i.closes) as closes
              from working_intervals(calendar, first, first + span) i
              group by i.day) w
        order by w.day
        offset days - 1
        limit 1;

        if due is not null then
            return due;
        end if;

        span := span * 4;
    end loop;

    raise exception 'calendar "%" has too few working days after %',
        calendar, start;
end
$$;

-- The moment at which so much working time has passed since "start".
-- Due is the end: 8 working hours from 8:00 are over at 17:00 that day, not at
-- 8:00 the next. Time before opening or on a holiday does not count, so a case
-- that comes in at night starts with the next opening.
create function working_time_add(calendar text, start timestamptz, amount interval)
returns timestamptz
language plpgsql stable
as $$
declare
    zone   text;
    first  date;
    span   int := 4;       -- days looked at; wider where it does not suffice
    done   interval := '0';
    piece  record;
begin
    select c.time_zone into zone
    from core.calendars c
    where c.code = working_time_add.calendar;

    if zone is null then
        raise exception 'no calendar "%"', calendar;
    end if;

    if amount <= '0' then
        return start;
    end if;

    first := (start at time zone zone)::date;

    -- Ten years without enough working time: the calendar is empty.
    while span < 3660 loop
        for piece in
            select greatest(w.opens, start) as opens, w.closes
            from working_intervals(calendar, first, first + span - 1) w
            where w.closes > start
        loop
            if done + (piece.closes - piece.opens) >= amount then
                return piece.opens + (amount - done);
            end if;

            done := done + (piece.closes - piece.opens);
        end loop;

        first := first + span;
        span := span * 2;
    end loop;

    raise exception 'calendar "%" has too little working time after %',
        calendar, start;
end
$$;

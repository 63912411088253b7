-- A minute of the day as a time: "24:00" is its end.
create function minute_of_day(minute int)
returns text
language sql immutable
as $$
    select to_char(minute / 60, 'FM00') || ':' || to_char(minute % 60, 'FM00')
$$;

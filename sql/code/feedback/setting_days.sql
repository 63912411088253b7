-- A setting that is a number of days, as an interval.
create function setting_days(name text)
returns interval
language sql stable
as $$
    select make_interval(days => setting(name)::int)
$$;

-- The number of a time's day since 1970, in UTC.
create function feedback_days(at timestamptz)
returns int
language sql immutable parallel safe
as $$
    select floor(extract(epoch from at at time zone 'UTC') / 86400)::int
$$;

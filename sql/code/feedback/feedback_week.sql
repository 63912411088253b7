-- The number of a time's week since 1970.
create function feedback_week(at timestamptz)
returns int
language sql immutable parallel safe
as $$
    select floor(extract(epoch from at at time zone 'UTC') / 604800)::int
$$;

-- Seconds until a time that is to come: a refusal's member retry_after.
create function seconds_until(at timestamptz)
returns int
language sql stable
as $$
    select ceil(extract(epoch from at - now()))::int
$$;

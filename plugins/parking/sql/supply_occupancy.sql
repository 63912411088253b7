-- What the operator has counted, and how old that is in seconds. Null when it has
-- never counted.
create function supply_occupancy(u supplies, stale_seconds int)
returns json
language sql stable
as $$
    select case when u.observed_at is not null then json_build_object(
               'free', u.free, 'observed_at', u.observed_at,
               'age', greatest(extract(epoch from now() - u.observed_at), 0)::int,
               'stale', u.observed_at < now() - make_interval(secs => stale_seconds)) end
$$;

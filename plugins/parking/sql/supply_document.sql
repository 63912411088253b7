-- A supply as lists show it; supplies_brief() writes the same while its count is
-- fresh.
create function supply_document(u supplies)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'vehicle', u.vehicle, 'capacity', u.capacity, 'bookable', u.bookable,
               'occupancy', case when u.observed_at is not null then jsonb_build_object(
                   'free', u.free, 'observed_at', u.observed_at, 'stale', u.stale_at <= now()) end)
$$;

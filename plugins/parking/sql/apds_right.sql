-- A reference to the RightSpecification of a supply. It is another version when the
-- supply or one of its tariffs is, when there is one more, and when one is over. Each
-- version of a tariff counts twice, so that one that is not over after all is a new one.
create function apds_right(u supplies)
returns jsonb
language sql stable
as $$
    select apds_reference(u.site || '-' || u.vehicle, u.version + coalesce(sum(
               2 * t.version + case when t.valid_to < (now() at time zone 'Asia/Ho_Chi_Minh')::date
                                then 1 else 0 end), 0)::int, 'RightSpecification')
      from tariffs t
     where t.site = u.site and t.vehicle = u.vehicle
$$;

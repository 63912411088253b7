-- The point that the public sees: moved to the middle of a square of about
-- blur_m metres (0: five decimals, a metre). The squares lie still, so many
-- cases at one house do not give its place away by their mean.
create function feedback_public_point(lat float8, long float8, blur_m int,
    out public_lat float8, out public_long float8)
language sql immutable parallel safe
as $$
    select case when blur_m = 0 then round(lat::numeric, 5)::float8
                else round(((floor(lat / s.step) + 0.5) * s.step)::numeric, 5)::float8
           end,
           case when blur_m = 0 then round(long::numeric, 5)::float8
                else round(((floor(long / s.step) + 0.5) * s.step)::numeric, 5)::float8
           end
    from (select nullif(blur_m, 0) / 111320.0 as step) s
$$;

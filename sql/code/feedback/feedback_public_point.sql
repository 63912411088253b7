-- The point that the public sees: moved to the middle of a square of about
-- blur_m metres (0: five decimals, a metre). The squares lie still, so many
-- cases at one house do not give its place away by their mean.
create function feedback_public_point(lat float8, long float8, blur_m int,
    out public_lat float8, out public_long float8)
language plpgsql immutable parallel safe
as $$
declare
    step float8 := nullif(blur_m, 0) / 111320.0;
begin
    public_lat := round(coalesce((floor(lat / step) + 0.5) * step, lat)::numeric, 5);
    public_long := round(coalesce((floor(long / step) + 0.5) * step, long)::numeric, 5);
end
$$;

-- Whether a school serves an address, by the zones of a day.
create function in_zone(year int, level text, school text, day date, ward text, street text)
returns boolean
language sql stable
as $$
    select exists (
        select from zones z
         where z.year = in_zone.year and z.level = in_zone.level and z.school = in_zone.school
           and z.ward = in_zone.ward and z.days @> in_zone.day
           and (z.street is null or place_name(z.street) = place_name(in_zone.street)))
$$;

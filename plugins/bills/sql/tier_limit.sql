-- Where a tier ends in some of a month's days, for so many households: whole kWh,
-- halves up. Null stays null: the last tier has no end.
create function tier_limit(kwh int, households int, days int, month int)
returns bigint
language sql immutable
as $$
    select (2 * kwh::bigint * households * days + month) / (2 * month)
$$;

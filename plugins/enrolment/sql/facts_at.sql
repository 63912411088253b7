-- What bands and tie-breakers see at a school: the facts, and whether it serves the address.
create function facts_at(r rounds, facts jsonb, ward text, street text, school text)
returns jsonb
language sql stable
as $$
    select facts || jsonb_build_object('in_zone',
               in_zone(r.year, r.level, school, r.zone_day, ward, street))
$$;

-- The units on which a person holds one of the roles at a date, with all below
-- them: what an officer's desk shows.
create function officer_units(person uuid, roles text[], at date default core.today())
returns setof uuid
language sql stable
as $$
    select distinct s.id
    from (
        select distinct g.unit
        from core.officer_grants g
        where g.person = officer_units.person
          and g.role = any (officer_units.roles)
          and grant_counts(g, officer_units.at)
          and (g.substitute_for is null
               or exists (select
                          from core.officer_grants o
                          where o.id = g.substitute_for
                            and grant_counts(o, officer_units.at)))
    ) g
         cross join lateral unit_subtree(g.unit, officer_units.at) s
$$;

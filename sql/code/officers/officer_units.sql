-- The units on which a person holds a role at a date, with all below them:
-- what an officer's desk shows.
create function officer_units(person uuid, role text, at date default core.today())
returns setof uuid
language sql stable
as $$
    select distinct s.id
    from core.officer_grants g
         cross join lateral unit_subtree(g.unit, officer_units.at) s
    where g.person = officer_units.person
      and g.role = officer_units.role
      and grant_counts(g, officer_units.at)
      and (g.substitute_for is null
           or exists (select
                      from core.officer_grants o
                      where o.id = g.substitute_for
                        and grant_counts(o, officer_units.at)))
$$;

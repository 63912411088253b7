-- The roles that a person holds on a unit at a date: granted on the unit or on
-- one above it, not revoked, and for a substitute only while the grant that is
-- stood in for counts too.
create function officer_roles_on(person uuid, unit uuid, at date default core.today())
returns text[]
language plpgsql stable
as $$
begin
    return (
        select coalesce(array_agg(distinct g.role), '{}')
        from core.officer_grants g
        where g.person = officer_roles_on.person
          and grant_counts(g, officer_roles_on.at)
          and g.unit in (select a.id
                         from unit_ancestors(officer_roles_on.unit, officer_roles_on.at) a)
          and (g.substitute_for is null
               or exists (select
                          from core.officer_grants o
                          where o.id = g.substitute_for
                            and grant_counts(o, officer_roles_on.at))));
end
$$;

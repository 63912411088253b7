-- The roles of which a unit must have somebody and has nobody at a date: at
-- least one each to receive, process and resolve, as the order of July 2024
-- has it.
create function roster_missing(unit uuid, at date)
returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(r.code order by r.position), '[]')
        from core.officer_roles r
        where r.code in (select jsonb_array_elements_text(
                             setting('officers.required_roles', roster_missing.at)))
          and not exists (select
                          from core.officer_grants g
                          where g.unit = roster_missing.unit and g.role = r.code
                            and grant_counts(g, roster_missing.at)));
end
$$;

-- How a unit stands inside of other answers: id, code, kind, name at a date.
create function unit_brief(unit uuid, at date)
returns json
language plpgsql stable
as $$
begin
    return (
        select row_to_json(r)
        from (
            select u.id, u.code, u.kind, unit_name(u.id, unit_brief.at) as name
            from core.units u
            where u.id = unit_brief.unit
        ) r);
end
$$;

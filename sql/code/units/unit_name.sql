-- A unit's name at a date, in both languages; the first or last name it had
-- where the date lies outside of its life.
create function unit_name(unit uuid, at date)
returns json
language plpgsql stable
as $$
begin
    return (
        select json_build_object('vi', n.name_vi, 'en', n.name_en)
        from core.unit_names n
        where n.unit = unit_name.unit
        order by n.validity @> unit_name.at desc,
                 abs(n.valid_from - unit_name.at)
        limit 1);
end
$$;

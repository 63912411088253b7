-- The unit that receives a case: the dated responsibility matrix, nearest
-- level first (asset owner, ward, district, city), then the row that says
-- more, then the later decision; the fallback desk where no row fits, so that
-- nothing goes nowhere (how often that happens can be counted from the events). A
-- unit that has ended is replaced by its successor.
create function feedback_route(category text, commune uuid, asset text,
    at date default core.today())
returns table (unit uuid, code text, routed_by text)
language plpgsql stable
as $$
#variable_conflict use_variable
declare
    wanted  uuid;
begin
    for wanted, routed_by in
        select coalesce(r.unit, commune), r.level
        from feedback.responsibilities r
             left join unit_ancestors(commune, at) a on a.id = r.area
        where r.validity @> at
          and (r.category is null or r.category = category)
          and (r.asset is null or r.asset = asset)
          and (r.area is null or a.id is not null)
        order by array_position(array['asset_owner', 'ward', 'district', 'city'],
                                r.level),
                 r.category is null, r.asset is null, a.depth nulls last,
                 r.valid_from desc
    loop
        unit := unit_now(wanted, at);
        exit when unit is not null;
    end loop;

    if unit is null then
        routed_by := 'fallback';
        unit := (select unit_now(u.id, at)
                 from core.units u
                 where u.code = setting('feedback.fallback_unit', at) #>> '{}');
    end if;

    if unit is not null then
        code := (select u.code from core.units u where u.id = unit);
        return next;
    end if;
end
$$;

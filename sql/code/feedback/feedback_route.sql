-- The unit that receives a case: the dated responsibility matrix, nearest
-- level first (asset owner, ward, district, city), then the row that says
-- more, then the later decision; the fallback desk where no row fits, so that
-- nothing goes nowhere (how often that happens can be counted from the events). A
-- unit that has ended is replaced by its successor.
create function feedback_route(category text, commune uuid, asset text,
    at date default core.today())
returns table (unit uuid, code text, routed_by text)
language sql stable
as $$
    with wanted as (
        select coalesce(r.unit, feedback_route.commune) as unit, r.level,
               array_position(array['asset_owner', 'ward', 'district', 'city'],
                              r.level) as rank,
               r.category is null as any_category,
               r.asset is null as any_asset,
               a.depth, r.valid_from
        from feedback.responsibilities r
             left join unit_ancestors(feedback_route.commune,
                                      feedback_route.at) a on a.id = r.area
        where r.validity @> feedback_route.at
          and (r.category is null or r.category = feedback_route.category)
          and (r.asset is null or r.asset = feedback_route.asset)
          and (r.area is null or a.id is not null)
        union all
        select u.id, 'fallback', 9, true, true, null, null
        from core.units u
        where u.code = setting('feedback.fallback_unit', at) #>> '{}'
    )
    select n.id, u.code, w.level
    from wanted w
         cross join lateral (select unit_now(w.unit, feedback_route.at)) n (id)
         join core.units u on u.id = n.id
    order by w.rank, w.any_category, w.any_asset, w.depth nulls last,
             w.valid_from desc, u.code
    limit 1
$$;

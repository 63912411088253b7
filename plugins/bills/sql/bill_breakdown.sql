-- What a consumption costs by the tariffs of its days, tier by tier; null when there
-- is no tariff for one of them. A period counts as a month, whatever its length. When
-- tariffs change within it, kWh and tiers are split by days: kWh whole, what is left
-- over going to those who lost most by rounding, the first ones among equals. Tax is
-- of the sum of all that has the same rate, rounded to a đồng, halves up.
create function bill_breakdown(kwh int, period_from date, period_to date, households int)
returns jsonb
language sql stable
as $$
    with parts as (
        select t.*, least(t.until, bill_breakdown.period_to) - t.begins + 1 as days,
               bill_breakdown.period_to - bill_breakdown.period_from + 1 as month
          from (select x.*, greatest(x.valid_from, bill_breakdown.period_from) as begins,
                       lead(x.valid_from) over (order by x.valid_from) - 1 as until
                  from tariffs x) t
         where t.valid_from <= bill_breakdown.period_to
           and (t.until is null or t.until >= bill_breakdown.period_from)
    ), split as (
        select p.*, p.base + (row_number() over (order by p.rest desc, p.begins)
                              <= bill_breakdown.kwh - sum(p.base) over ())::int as part
          from (select x.*, bill_breakdown.kwh::bigint * x.days / x.month as base,
                       bill_breakdown.kwh::bigint * x.days % x.month as rest
                  from parts x) p
    ), tiers as (
        select s.valid_from, s.vat, u.tier, u.price,
               least(s.part, tier_limit(s.limits[u.tier::int], households, s.days, s.month))
               - coalesce(tier_limit(s.limits[u.tier::int - 1], households, s.days, s.month), 0) as kwh
          from split s, unnest(s.prices) with ordinality u (price, tier)
    ), net as (
        select s.vat, sum(t.kwh * t.price) filter (where t.kwh > 0) as amount
          from split s left join tiers t using (valid_from, vat)
         group by s.vat
    ), taxed as (
        select n.vat, coalesce(n.amount, 0)::bigint as base,
               ((coalesce(n.amount, 0) * n.vat + 5000)::bigint / 10000) as tax
          from net n
    )
    select jsonb_build_object(
               'parts', (select jsonb_agg(jsonb_build_object(
                             'from', s.begins, 'to', s.begins + s.days - 1, 'days', s.days,
                             'kwh', s.part, 'tariff', s.valid_from, 'source', s.source,
                             'verified', s.verified,
                             'tiers', (select coalesce(jsonb_agg(jsonb_build_object(
                                                  'tier', t.tier, 'kwh', t.kwh, 'price', t.price,
                                                  'amount', t.kwh * t.price) order by t.tier), '[]')
                                         from tiers t
                                        where t.valid_from = s.valid_from and t.kwh > 0))
                             order by s.begins) from split s),
               'net', (select sum(x.base) from taxed x),
               'taxes', (select jsonb_agg(jsonb_build_object('rate', trim_scale(x.vat / 100.0),
                                                             'net', x.base, 'amount', x.tax)
                                          order by x.vat)
                           from taxed x),
               'total', (select sum(x.base + x.tax) from taxed x))
     where (select coalesce(sum(p.days), 0) from parts p)
           = bill_breakdown.period_to - bill_breakdown.period_from + 1
$$;

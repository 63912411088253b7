-- GET /v1/bus-passes/products: what passes there are, and what they cost in each month that
-- is sold and has a price; those that nobody can buy yet are not in it.
create function pass_product_list(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object('items', coalesce(json_agg(json_build_object(
               'id', x.id, 'title', x.title, 'scope', x.scope, 'price', y.price,
               'months', y.months)
               order by y.price, x.id), '[]'))
      from pass_products x
     cross join lateral (
        select (array_agg(p.price order by m.month))[1] as price,
               json_agg(json_build_object('month', to_char(m.month, 'YYYY-MM'),
                                          'price', p.price) order by m.month) as months
          from (select pass_month(n) as month from generate_series(0, 2) n) m
         cross join lateral (select pass_price(x.id, m.month) as price) p
         where p.price is not null) y
     where y.price is not null
$$;

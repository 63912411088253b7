-- GET /v1/bus-passes/products: what passes there are and what they cost this month;
-- those that nobody can buy yet are not in it.
create function pass_product_list(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object('items', coalesce(json_agg(json_build_object(
               'id', x.id, 'title', x.title, 'scope', x.scope, 'price', y.price)
               order by y.price, x.id), '[]'))
      from pass_products x
     cross join lateral (
        select pass_price(x.id, pass_month(0)) as price) y
     where y.price is not null
$$;

-- The price of a pass of a month, in đồng; null when there is none.
create function pass_price(product text, month date)
returns bigint
language sql stable
as $$
    select p.price from pass_prices p
     where p.product = pass_price.product and p.valid_from <= pass_price.month
     order by p.valid_from desc
     limit 1
$$;

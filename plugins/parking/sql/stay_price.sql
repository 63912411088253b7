-- What a stay costs, in đồng.
create function stay_price(tariff uuid, arrive timestamptz, leave timestamptz)
returns bigint
language sql stable
as $$
    select coalesce(sum(p.amount), 0)::bigint
      from stay_pieces(stay_price.tariff, stay_price.arrive, stay_price.leave) p
$$;

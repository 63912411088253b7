-- Whose a bill is, and its number, for somebody who has sight of it; and what was ordered
-- with a key before, as order_again() finds it.
create function bill_place(citizen text, id uuid, key text, gateway text, amount bigint)
returns table (customer text, number text, ordered jsonb)
language sql stable
as $$
    select b.customer, b.number, case when o.id is not null then order_document(o) end
      from bill_visible(bill_place.citizen, bill_place.id) b,
           order_again(bill_place.citizen, 'bill', bill_place.key, bill_place.id, null, null,
                       bill_place.gateway, bill_place.amount) o
     where b.id is not null
$$;

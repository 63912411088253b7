-- Whose a bill is, and its number, for somebody who has sight of it.
create function bill_place(citizen text, id uuid)
returns table (customer text, number text)
language sql stable
as $$
    select b.customer, b.number from bill_visible(bill_place.citizen, bill_place.id) b
     where b.id is not null
$$;

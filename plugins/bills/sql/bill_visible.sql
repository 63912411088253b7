-- A bill that a citizen has sight of: he has looked its customer up in the last 30
-- days, wants to be reminded of it, or has ordered its payment. Null otherwise.
create function bill_visible(citizen text, id uuid)
returns bills
language sql stable
as $$
    select b
      from bills b
     where b.id = bill_visible.id
       and (exists (select from lookups l
                     where l.citizen = bill_visible.citizen and l.customer = b.customer
                       and l.at > now() - interval '30 days')
            or exists (select from codes c
                        where c.citizen = bill_visible.citizen and c.customer = b.customer and c.remind)
            or exists (select from orders o
                        where o.bill = b.id and o.citizen = bill_visible.citizen))
$$;

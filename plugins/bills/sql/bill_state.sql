-- Whether a bill is to be paid: "unpaid"; "being_paid", when somebody is at it;
-- "paid", when the company or an order of ours says so.
create function bill_state(b bills)
returns text
language sql stable
as $$
    select case when b.state = 'paid' then 'paid'
                else coalesce((select case when o.state = 'delivered' then 'paid'
                                           else 'being_paid' end
                                 from orders o
                                where o.bill = b.id and o.stands),
                              'unpaid') end
$$;

-- Writes down what the company says of a customer's bills, and gives them as a
-- citizen sees them, the newest first. A bill stays its customer's.
create function bills_seen(customer text, bills jsonb)
returns jsonb
language plpgsql
as $$
begin
    insert into bills as b (number, customer, period_from, period_to, kwh, households, amount,
                            due_on, state)
    select x.number, bills_seen.customer, x.period_from, x.period_to, x.kwh, x.households,
           x.amount, x.due_on, x.state
      from jsonb_to_recordset(bills_seen.bills) as x (number text, period_from date, period_to date,
               kwh int, households int, amount bigint, due_on date, state text)
     order by x.number
    on conflict on constraint bills_number_once do update
       set period_from = excluded.period_from, period_to = excluded.period_to,
           kwh = excluded.kwh, households = excluded.households, amount = excluded.amount,
           due_on = excluded.due_on, state = excluded.state, seen_at = now()
     where b.customer = excluded.customer;

    return (select coalesce(jsonb_agg(bill_brief(b) order by b.period_to desc, b.number), '[]')
              from bills b
             where b.customer = bills_seen.customer
               and b.number in (select x.number from jsonb_to_recordset(bills_seen.bills) as x (number text)));
end
$$;

-- The first payment of a number in a gateway's file that is not booked yet and can be; no
-- row when it has none. Who has sent another amount may have sent the right one after it.
create function statement_payment(gateway text, file text, number text)
returns table (transaction text, amount bigint, at text)
language sql stable
as $$
    select x.transaction, x.amount, x.at
      from jsonb_to_recordset(statement_rows(file)) as x (kind text, number text, transaction text,
                                                          amount bigint, at text)
     where x.kind = 'payment' and x.number = statement_payment.number
       and x.amount <= 1000000000000
       and not exists (select from receipts r where r.gateway = statement_payment.gateway
                                                and r.transaction = x.transaction)
     order by x.at
     limit 1
$$;

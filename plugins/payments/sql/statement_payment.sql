-- The payment of a number in a gateway's file; no row when it has none.
create function statement_payment(file text, number text)
returns table (transaction text, amount bigint, at text)
language sql immutable
as $$
    select x.transaction, x.amount, x.at
      from jsonb_to_recordset(statement_rows(file)) as x (kind text, number text, transaction text,
                                                          amount bigint, at text)
     where x.kind = 'payment' and x.number = statement_payment.number
     order by x.at
     limit 1
$$;

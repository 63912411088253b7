-- GET /v1/payments/ledger: balances, and what is wrong, which is nothing.
create function payments_ledger(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object(
        'accounts', (select coalesce(json_agg(json_build_object('account', b.account, 'balance', b.balance)
                                              order by b.account), '[]')
                       from (select l.account, sum(l.amount)::bigint as balance
                               from ledger_lines l group by l.account) b),
        'wrong', (select coalesce(json_agg(json_build_object('wrong', c.wrong, 'subject', c.subject,
                                                             'amount', c.amount)), '[]')
                    from ledger_check() c))
$$;

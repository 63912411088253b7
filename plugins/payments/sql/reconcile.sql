-- Holds a day of a gateway against its file: books what only the file knows, money that
-- was taken and refunds that were paid, and reports how they differed before that.
--
-- An amount that no receipt may have is told, as what is nobody's, and not booked.
-- Transactions are matched by their numbers whatever the day they are booked on;
-- what only we know is of the day, and in no other day's file.
--
-- Null when there is more to book than a call has time for, as after a day without word of
-- payments: a part of it is, and whoever calls comes again. What this day's file has had
-- booked is told by the first report after it, whoever died in between.
create function reconcile(gateway text, day date, file text)
returns jsonb
language plpgsql
as $$
declare
    most     constant int := 2000;
    lines    jsonb := statement_rows(reconcile.file);
    begins   timestamptz := reconcile.day::timestamp at time zone 'Asia/Ho_Chi_Minh';
    ends     timestamptz := (reconcile.day + 1)::timestamp at time zone 'Asia/Ho_Chi_Minh';
    told     timestamptz;           -- when the last report of the day was made
    found_   jsonb[] := '{}';       -- a jsonb would be copied for each of thousands
    row_     record;
    ours     jsonb;
    theirs   jsonb;
    made     reconciliations%rowtype;
begin
    if most = (select count(a.verdict)
                 from (select x.number, x.transaction, x.amount, x.at
                         from jsonb_to_recordset(lines) as x (kind text, number text, transaction text, amount bigint, at timestamptz)
                         join intents i on i.number = x.number and i.gateway = reconcile.gateway
                        where x.kind = 'payment' and x.amount <= 1000000000000
                          and not exists (select from receipts r
                                           where r.gateway = reconcile.gateway
                                             and r.transaction = x.transaction)
                        order by x.transaction
                        limit most) x,
                      payment_apply(reconcile.gateway, x.number, 'paid', 'file', x.amount,
                                    x.transaction, x.at) a)
    then
        return null;
    end if;

    delete from filed f where f.gateway = reconcile.gateway and f.day = reconcile.day;
    insert into filed (gateway, kind, name, day)
    select distinct reconcile.gateway, x.kind, n.name, reconcile.day
      from jsonb_to_recordset(lines) as x (kind text, number text, transaction text),
           lateral (select case x.kind when 'payment' then x.transaction else x.number end) n (name)
     where n.name is not null
     order by x.kind, n.name
    on conflict do nothing;

    select coalesce(max(m.made_at), '-infinity') into told
      from reconciliations m where m.gateway = reconcile.gateway and m.day = reconcile.day;

    select jsonb_build_object(
               'payments', count(*) filter (where x.kind = 'payment'),
               'paid', coalesce(sum(x.amount) filter (where x.kind = 'payment'), 0),
               'refunds', count(*) filter (where x.kind = 'refund'),
               'refunded', coalesce(sum(x.amount) filter (where x.kind = 'refund'), 0))
      into theirs
      from jsonb_to_recordset(lines) as x (kind text, amount bigint);

    select jsonb_build_object(
               'payments', count(r.id), 'paid', coalesce(sum(r.amount), 0),
               'refunds', min(f.n), 'refunded', min(f.amount))
      into ours
      from (select count(*) as n, coalesce(sum(f.amount), 0) as amount
              from refunds f join receipts r on r.id = f.receipt
             where r.gateway = reconcile.gateway and f.state = 'done' and not f.by_hand
               and f.finished_at >= begins and f.finished_at < ends) f
      left join receipts r
        on r.gateway = reconcile.gateway and r.paid_at >= begins and r.paid_at < ends
           and not receipt_of_file(r, reconcile.day, told);

    -- Payments.
    for row_ in
        select x.number, x.transaction, x.amount, r.id as receipt, r.amount as here, r.verdict,
               i.number as booked
          from jsonb_to_recordset(lines) as x (kind text, number text, transaction text, amount bigint)
          left join (receipts r join intents i on i.id = r.intent)
            on r.gateway = reconcile.gateway and r.transaction = x.transaction
         where x.kind = 'payment'
           and (r.id is null or r.amount <> x.amount or i.number <> x.number
                or receipt_of_file(r, reconcile.day, told))
         order by x.transaction
    loop
        if row_.booked <> row_.number then
            found_ := found_ || jsonb_build_object('kind', 'payment-elsewhere', 'number', row_.number,
                'transaction', row_.transaction, 'there', row_.amount, 'here', row_.here,
                'became', row_.booked);
        elsif row_.amount <> row_.here then
            found_ := found_ || jsonb_build_object('kind', 'payment-amount', 'number', row_.number,
                'transaction', row_.transaction, 'there', row_.amount, 'here', row_.here);
        else
            found_ := found_ || jsonb_build_object('kind', 'payment-missing-here',
                'number', row_.number, 'transaction', row_.transaction, 'there', row_.amount,
                'became', coalesce(row_.verdict, 'unknown'));
        end if;
    end loop;

    for row_ in
        select i.number, r.transaction, r.amount
          from receipts r join intents i on i.id = r.intent
         where r.gateway = reconcile.gateway and r.paid_at >= begins and r.paid_at < ends
           and not exists (select from filed d where d.gateway = r.gateway and d.kind = 'payment'
                                                 and d.name = r.transaction)
         order by r.transaction
    loop
        found_ := found_ || jsonb_build_object('kind', 'payment-missing-there',
            'number', row_.number, 'transaction', row_.transaction, 'here', row_.amount);
    end loop;

    -- Refunds: one that was unclear is clear now.
    for row_ in
        select x.number, x.transaction, x.amount, x.at, f.id as refund, f.state, f.by_hand, f.amount as here,
               row_number() over (partition by f.id order by x.transaction is distinct from f.transaction,
                                                             x.transaction) as n
          from jsonb_to_recordset(lines) as x (kind text, number text, transaction text, amount bigint, at timestamptz)
          left join (refunds f join receipts r on r.id = f.receipt and r.gateway = reconcile.gateway)
            on f.number = x.number
         where x.kind = 'refund'
         order by x.transaction
    loop
        if row_.refund is null or row_.state in ('requested', 'refused') or row_.by_hand then
            found_ := found_ || jsonb_strip_nulls(jsonb_build_object('kind', 'refund-missing-here',
                'number', row_.number, 'transaction', row_.transaction, 'there', row_.amount,
                'became', row_.state));
        elsif row_.n > 1 then
            found_ := found_ || jsonb_build_object('kind', 'refund-twice', 'number', row_.number,
                'transaction', row_.transaction, 'there', row_.amount, 'here', row_.here);
        elsif row_.amount <> row_.here then
            found_ := found_ || jsonb_build_object('kind', 'refund-amount', 'number', row_.number,
                'transaction', row_.transaction, 'there', row_.amount, 'here', row_.here);
        elsif row_.state = 'sent' then
            perform refund_finish(row_.refund, 'done', row_.transaction, at => row_.at);
        end if;
    end loop;

    for row_ in
        select f.number, f.transaction, f.amount, f.state
          from refunds f join receipts r on r.id = f.receipt
         where r.gateway = reconcile.gateway and f.state in ('sent', 'done') and not f.by_hand
           and coalesce(f.finished_at, f.sent_at) >= begins
           and coalesce(f.finished_at, f.sent_at) < ends
           and not exists (select from filed d where d.gateway = r.gateway and d.kind = 'refund'
                                                 and d.name = f.number)
         order by f.number
    loop
        found_ := found_ || jsonb_strip_nulls(jsonb_build_object('kind', 'refund-missing-there',
            'number', row_.number, 'transaction', row_.transaction, 'here', row_.amount,
            'became', row_.state));
    end loop;

    insert into reconciliations (gateway, day, there, here, differences)
    values (reconcile.gateway, reconcile.day, theirs, ours, to_jsonb(found_))
    returning * into made;

    return reconciliation_document(made);
end
$$;

-- What a gateway tells of a payment, once it is known to be the gateway that
-- tells it. Whoever brings it and however often, it is applied once:
--
--   applied    it is paid
--   failed     it is not, and will not be
--   pending    nobody knows yet: nothing has changed
--   repeated   known, nothing has changed
--   elsewhere  this transaction is booked for another number: nothing has changed
--   late       paid, but the intent had failed or expired: the money goes back
--   twice      paid by another transaction before: the money goes back
--   amount     another amount than was asked for: the money goes back
--   unknown    no such number
create function payment_apply(gateway text, number text, outcome text, via text,
                              amount bigint default null, transaction text default null,
                              paid_at timestamptz default null)
returns table (verdict text, intent uuid)
language plpgsql
as $$
declare
    i     intents%rowtype;
    r     receipts%rowtype;
    what  text;
begin
    select * into i from intents t
     where t.number = payment_apply.number and t.gateway = payment_apply.gateway
       for update;

    if not found then
        return query select 'unknown', null::uuid;
        return;
    end if;

    if outcome = 'paid' then
        select * into r from receipts t
         where t.gateway = payment_apply.gateway and t.transaction = payment_apply.transaction;

        if found then
            what := case when r.intent = i.id then 'repeated' else 'elsewhere' end;

        else
            what := case when payment_apply.amount <> i.amount then 'amount'
                         when i.state in ('created', 'pending') then 'applied'
                         when i.state in ('failed', 'expired') then 'late'
                         else 'twice' end;

            insert into receipts (intent, gateway, transaction, amount, verdict, via, paid_at)
            values (i.id, i.gateway, payment_apply.transaction, payment_apply.amount, what,
                    payment_apply.via, coalesce(payment_apply.paid_at, now()))
            returning * into r;

            if what = 'applied' then
                update intents t set state = 'succeeded', receipt = r.id where t.id = i.id;
            else
                insert into refunds (receipt, intent, amount, reason, reason_en, key, requested_by)
                values (r.id, i.id, r.amount,
                        case what when 'amount' then 'Không đúng số tiền'
                                  when 'late' then 'Thanh toán sau khi hết hạn'
                                  else 'Thanh toán hai lần' end,
                        case what when 'amount' then 'Not the right amount'
                                  when 'late' then 'Paid too late'
                                  else 'Paid twice' end,
                        'receipt ' || r.id, 'payments');
            end if;
        end if;

    elsif outcome = 'failed' then
        what := case when i.state in ('created', 'pending') then 'failed' else 'repeated' end;

        if what = 'failed' then
            update intents t set state = 'failed' where t.id = i.id;
        end if;

    else
        what := 'pending';
    end if;

    return query select what, i.id;
end
$$;

-- Why money goes back, for a payer who reads English; officers and gateways have the other
-- one. Null where nobody has said it, as before this.
alter table refunds add column reason_en text;


create or replace function refunds_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'refunds_change', message = 'refunds are not deleted';
    end if;

    if tg_op = 'INSERT' then
        if new.state <> 'requested' then
            raise exception using errcode = 'check_violation', constraint = 'refunds_change',
                message = 'a refund begins as requested';
        end if;

        if new.intent <> (select r.intent from receipts r where r.id = new.receipt) then
            raise exception using errcode = 'check_violation', constraint = 'refunds_change',
                message = 'a refund is of a receipt of its intent';
        end if;

        return new;
    end if;

    if (old.id, old.number, old.receipt, old.intent, old.amount, old.reason, old.key,
        old.requested_by, old.requested_at, old.by_hand, old.reason_en)
       is distinct from
       (new.id, new.number, new.receipt, new.intent, new.amount, new.reason, new.key,
        new.requested_by, new.requested_at, new.by_hand, new.reason_en)
    then
        raise exception using errcode = 'check_violation', constraint = 'refunds_change',
            message = 'what a refund is about does not change';
    end if;

    if (old.state, new.state) not in (('requested', 'requested'), ('requested', 'sent'),
                                      ('sent', 'sent'), ('sent', 'done'), ('sent', 'refused'))
    then
        raise exception using errcode = 'check_violation', constraint = 'refunds_change',
            message = format('a refund that is %s does not become %s', old.state, new.state);
    end if;

    return new;
end
$$;

-- What a gateway has refused for good, people give back by other means, of the city's own
-- money: what the gateway has taken stays with it, and no file of its has such a refund.
--
--   hand:NAME         what was given back so, instead of by NAME
alter table refunds add by_hand boolean not null default false;

alter table ledger_accounts
    drop constraint ledger_accounts_are_of_a_kind,
    add constraint ledger_accounts_are_of_a_kind
        check (code ~ '^(gateway|payee|unapplied|refunding|hand):[a-z][a-z0-9_]{0,31}$');


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
        old.requested_by, old.requested_at, old.by_hand)
       is distinct from
       (new.id, new.number, new.receipt, new.intent, new.amount, new.reason, new.key,
        new.requested_by, new.requested_at, new.by_hand)
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

create or replace function refunds_book()
returns trigger
language plpgsql
as $$
declare
    gateway  text := (select r.gateway from receipts r where r.id = new.receipt);
begin
    if tg_op = 'INSERT' then
        update receipts r set promised = r.promised + new.amount where r.id = new.receipt;
        perform ledger_book('refund_promised', new.id, new.amount,
                            receipt_account(new.receipt), 'refunding:' || gateway);

    elsif old.state = 'sent' and new.state = 'done' then
        perform ledger_book('refund_paid', new.id, new.amount,
                            'refunding:' || gateway,
                            case when new.by_hand then 'hand:' else 'gateway:' end || gateway);
        update intents i
           set refunded = i.refunded + new.amount,
               state = case when i.refunded + new.amount = i.amount
                            then 'refunded' else 'partly_refunded' end
         where i.id = new.intent and i.receipt = new.receipt;

    elsif old.state = 'sent' and new.state = 'refused' then
        perform ledger_book('refund_refused', new.id, new.amount,
                            'refunding:' || gateway, receipt_account(new.receipt));
        update receipts r set promised = r.promised - new.amount where r.id = new.receipt;
    end if;

    return null;
end
$$;

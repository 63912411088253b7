-- Intents, what was received for them, and what goes back.
--
--                            +--> failed
--   created --> pending -----+--> expired
--      |           |
--      +-----------+----> succeeded --> partly_refunded --> refunded
--
-- A receipt is money that a gateway has taken, whatever became of the intent
-- by then; one of them at most is applied to it. The others came late, twice or
-- with another amount: they are booked too, and go back.

create table intents (
    id          uuid primary key,
    number      text not null,          -- what the gateway knows it by
    payer       text not null,          -- issuer and subject of a token
    service     text not null,          -- whom the money is for
    reference   text not null,          -- that service's own name for it
    gateway     text not null,
    amount      bigint not null,        -- đồng
    description text not null,
    state       text not null default 'created',
    checkout    jsonb,                  -- what the payer needs in order to pay
    receipt     uuid,                   -- the one that was applied
    refunded    bigint not null default 0,
    created_at  timestamptz not null default now(),
    changed_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    check_at    timestamptz not null,   -- when to ask the gateway next
    checks      int not null default 0,

    -- A service that asks twice means the same payment.
    constraint intents_reference_once unique (service, reference),
    constraint intents_number_once unique (number),
    constraint intents_number_form check (number ~ '^HN[0-9A-F]{16}$'),
    constraint intents_service_form check (service ~ '^[a-z][a-z0-9_]{0,31}$'),
    constraint intents_gateway_form check (gateway ~ '^[a-z][a-z0-9_]{0,31}$'),
    constraint intents_amount_is_some check (amount between 1 and 1000000000000),
    constraint intents_refunded_within check (refunded between 0 and amount),
    constraint intents_paid_by_a_receipt check (
        (receipt is not null) = (state in ('succeeded', 'partly_refunded', 'refunded'))),
    constraint intents_refunded_says_so check (
        case state when 'refunded' then refunded = amount
                   when 'partly_refunded' then refunded > 0 and refunded < amount
                   else refunded = 0 end),
    constraint intents_pending_can_be_paid check (state <> 'pending' or checkout is not null)
);

create index intents_to_check on intents (check_at) where state in ('created', 'pending');
create index intents_of_payer on intents (payer, created_at desc);

create table intent_transitions (
    old  text not null,
    new  text not null,
    primary key (old, new)
);

-- A gateway may tell of success before we have its answer to our asking.
insert into intent_transitions values
    ('created', 'pending'), ('created', 'succeeded'), ('created', 'failed'), ('created', 'expired'),
    ('pending', 'succeeded'), ('pending', 'failed'), ('pending', 'expired'),
    ('succeeded', 'partly_refunded'), ('succeeded', 'refunded'),
    ('partly_refunded', 'partly_refunded'), ('partly_refunded', 'refunded');


create function intents_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'created' then
            raise exception using errcode = 'check_violation', constraint = 'intents_change',
                message = 'an intent begins as created';
        end if;

        return new;
    end if;

    if (old.id, old.number, old.payer, old.service, old.reference, old.gateway, old.amount,
        old.description, old.created_at, old.expires_at)
       is distinct from
       (new.id, new.number, new.payer, new.service, new.reference, new.gateway, new.amount,
        new.description, new.created_at, new.expires_at)
    then
        raise exception using errcode = 'check_violation', constraint = 'intents_change',
            message = 'what an intent is about does not change';
    end if;

    if old.receipt is not null and new.receipt is distinct from old.receipt then
        raise exception using errcode = 'check_violation', constraint = 'intents_change',
            message = 'an intent is paid once';
    end if;

    if (old.state, old.refunded) <> (new.state, new.refunded) then
        if not exists (select from intent_transitions t
                        where t.old = old.state and t.new = new.state)
           or new.refunded < old.refunded
        then
            raise exception using errcode = 'check_violation', constraint = 'intents_change',
                message = format('an intent that is %s does not become %s', old.state, new.state);
        end if;

        new.changed_at := now();
    end if;

    return new;
end
$$;

create trigger intents_change before insert or update on intents
    for each row execute function intents_change();


create table receipts (
    id           uuid primary key default gen_random_uuid(),
    intent       uuid not null references intents,
    gateway      text not null,
    transaction  text not null,         -- the gateway's number of it
    amount       bigint not null,
    verdict      text not null,
    promised     bigint not null default 0,     -- of it, to go back or gone back
    via          text not null,
    paid_at      timestamptz not null,
    received_at  timestamptz not null default now(),

    -- However often a gateway tells of it, it is booked once.
    constraint receipts_transaction_once unique (gateway, transaction),
    constraint receipts_intent unique (id, intent, amount),
    constraint receipts_verdict_known check (verdict in ('applied', 'late', 'twice', 'amount')),
    constraint receipts_via_known check (via in ('callback', 'query', 'file')),
    constraint receipts_amount_is_some check (amount between 1 and 1000000000000),
    constraint receipts_promised_within check (promised between 0 and amount)
);

create unique index receipts_applied_once on receipts (intent) where verdict = 'applied';
create index receipts_of_intent on receipts (intent);
create index receipts_of_day on receipts (gateway, paid_at);

-- With the amount: an intent is paid by a receipt of its own amount.
alter table intents add constraint intents_receipt
    foreign key (receipt, id, amount) references receipts (id, intent, amount);


create table refunds (
    id            uuid primary key default gen_random_uuid(),
    number        text not null default 'HR' || upper(encode(sha256(uuid_send(gen_random_uuid())), 'hex')::varchar(16)),
    receipt       uuid not null references receipts,
    intent        uuid not null references intents,
    amount        bigint not null,
    reason        text not null,
    key           text not null,            -- of who asked: once for each
    requested_by  text not null,
    state         text not null default 'requested',
    attempts      int not null default 0,
    due_at        timestamptz not null default now(),
    transaction   text,                     -- the gateway's number of it
    why           text,                     -- it was refused, or is unclear
    requested_at  timestamptz not null default now(),
    sent_at       timestamptz,
    finished_at   timestamptz,

    constraint refunds_number_once unique (number),
    constraint refunds_key_once unique (intent, key),
    constraint refunds_amount_is_some check (amount > 0),
    constraint refunds_state_known check (state in ('requested', 'sent', 'done', 'refused')),
    constraint refunds_sent_has_time check ((sent_at is not null) = (state <> 'requested')),
    constraint refunds_end_has_time check (
        (finished_at is not null) = (state in ('done', 'refused')))
);

create index refunds_of_intent on refunds (intent);
create index refunds_of_receipt on refunds (receipt);
create index refunds_due on refunds (due_at) where state in ('requested', 'sent');


-- Where the money of a receipt is booked.
create function receipt_account(which uuid)
returns text
language sql stable
as $$
    select case r.verdict when 'applied' then 'payee:' || i.service
                          else 'unapplied:' || r.gateway end
      from receipts r join intents i on i.id = r.intent
     where r.id = which
$$;


create function receipts_book()
returns trigger
language plpgsql
as $$
begin
    perform ledger_book('received', new.id, new.amount,
                        'gateway:' || new.gateway, receipt_account(new.id));
    return null;
end
$$;

create trigger receipts_book after insert on receipts
    for each row execute function receipts_book();


create function receipts_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' or (to_jsonb(old) - 'promised') <> (to_jsonb(new) - 'promised') then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'receipts_change', message = 'what was received does not change';
    end if;

    return new;
end
$$;

create trigger receipts_change before update or delete on receipts
    for each row execute function receipts_change();


-- A refund is promised in full when it is asked for, so that two of them
-- cannot have the same đồng: receipts_promised_within refuses the second.
create function refunds_change()
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
        old.requested_by, old.requested_at)
       is distinct from
       (new.id, new.number, new.receipt, new.intent, new.amount, new.reason, new.key,
        new.requested_by, new.requested_at)
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

create trigger refunds_change before insert or update or delete on refunds
    for each row execute function refunds_change();


create function refunds_book()
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
                            'refunding:' || gateway, 'gateway:' || gateway);
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

create trigger refunds_book after insert or update on refunds
    for each row execute function refunds_book();


create function payments_are_kept()
returns trigger
language plpgsql
as $$
begin
    raise exception using errcode = 'integrity_constraint_violation',
        constraint = 'payments_are_kept',
        message = format('%s are kept', tg_table_name);
end
$$;

create trigger kept before delete or truncate on intents
    for each statement execute function payments_are_kept();
create trigger kept before truncate on receipts
    for each statement execute function payments_are_kept();
create trigger kept before truncate on refunds
    for each statement execute function payments_are_kept();


-- When a transaction ends, rows and sums that stand in two places agree.
create function payments_agree()
returns trigger
language plpgsql
as $$
declare
    id_of   uuid := case tg_table_name when 'intents' then (to_jsonb(new) ->> 'id')::uuid
                                       else (to_jsonb(new) ->> 'intent')::uuid end;
    i       intents%rowtype;
    wrong   text;
begin
    select * into i from intents where id = id_of;

    select case
        when exists (select from receipts r
                      where r.intent = i.id and (r.verdict = 'applied') <> (r.id is not distinct from i.receipt))
            then 'the receipt that was applied'
        when i.refunded <> (select coalesce(sum(f.amount), 0) from refunds f
                             where f.receipt = i.receipt and f.state = 'done')
            then 'what was refunded'
        when exists (select from receipts r
                      where r.intent = i.id
                        and r.promised <> (select coalesce(sum(f.amount), 0) from refunds f
                                            where f.receipt = r.id and f.state <> 'refused'))
            then 'what was promised'
        end into wrong;

    if wrong is not null then
        raise exception using errcode = 'check_violation', constraint = 'payments_agree',
            message = format('intent %s: %s does not agree', i.number, wrong);
    end if;

    return null;
end
$$;

create constraint trigger intents_agree after insert or update on intents
    deferrable initially deferred for each row execute function payments_agree();
create constraint trigger receipts_agree after insert or update on receipts
    deferrable initially deferred for each row execute function payments_agree();
create constraint trigger refunds_agree after insert or update on refunds
    deferrable initially deferred for each row execute function payments_agree();

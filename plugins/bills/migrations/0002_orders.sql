-- Bills, and orders to pay one or to top a phone up.
--
--                       +--> cancelled                (nobody paid)
--   created --> paying -+--> paid --> sending -+--> delivered
--                                              +--> refused --> refunding --> refunded
--
-- An order is delivered when the company (the electricity company, a carrier) has
-- said so. From "sending" on it may have been: the company is asked by the order's
-- id, and nothing is sent again before it says that it knows nothing of it.

create table bills (
    id           uuid primary key default gen_random_uuid(),
    number       text not null,         -- the company's
    customer     text not null,
    period_from  date not null,
    period_to    date not null,         -- the last day
    kwh          int not null,
    households   int not null,          -- that share the meter
    amount       bigint not null,       -- đồng, with tax
    due_on       date not null,
    state        text not null,         -- as the company says
    first_seen   timestamptz not null default now(),
    seen_at      timestamptz not null default now(),

    constraint bills_number_once unique (number),
    constraint bills_number_form check (number ~ '^[A-Za-z0-9._-]{1,64}$'),
    constraint bills_period_has_days check (period_to - period_from between 0 and 400),
    constraint bills_kwh_are_some check (kwh between 0 and 10000000),
    constraint bills_households_are_some check (households between 1 and 10000),
    constraint bills_amount_is_some check (amount between 1 and 1000000000000),
    constraint bills_state_known check (state in ('unpaid', 'paid'))
);

create index bills_of_customer on bills (customer, period_to desc);


-- Who has looked up whose bills: that gives sight of them for a while, and is
-- counted, so that nobody tries all codes.
create table lookups (
    id        bigint generated always as identity primary key,
    citizen   text not null,            -- issuer and subject of a token
    customer  text not null,
    at        timestamptz not null default now()
);

create index lookups_of_citizen on lookups (citizen, at desc);
create index lookups_of_pair on lookups (citizen, customer, at desc);
create index lookups_by_time on lookups (at);


create table orders (
    id            uuid primary key,     -- also what payments and companies know it by
    kind          text not null,
    citizen       text not null,
    key           text not null,        -- the Idempotency-Key it was asked for with
    bill          uuid references bills,
    phone         text,                 -- 84912345678
    carrier       text references carriers,
    gateway       text not null,
    amount        bigint not null,      -- đồng
    state         text not null default 'created',
    payment       uuid,
    checkout      jsonb,
    expires_at    timestamptz,          -- when nobody can pay any more
    sends         int not null default 0,
    sent_at       timestamptz,          -- null: nothing is out that may have arrived
    receipt       text,                 -- the company's number of it
    why           text,                 -- it was refused or cancelled, or is unclear
    contradicted  text,                 -- what the company has said against its last word
    created_at    timestamptz not null default now(),
    changed_at    timestamptz not null default now(),
    paid_at       timestamptz,
    ended_at      timestamptz,
    due_at        timestamptz not null, -- when to look after it next
    checks        int not null default 0,

    constraint orders_key_once unique (citizen, kind, key),
    constraint orders_payment_once unique (payment),
    constraint orders_are_of_a_kind check (
        case kind when 'bill'  then bill is not null and phone is null and carrier is null
                  when 'topup' then bill is null and phone is not null and carrier is not null
                  else false end),
    constraint orders_phone_form check (phone ~ '^84[1-9][0-9]{8}$'),
    constraint orders_amount_is_some check (amount between 1 and 1000000000000),
    constraint orders_gateway_form check (gateway ~ '^[a-z][a-z0-9_]{0,31}$'),
    constraint orders_have_a_payment check (payment is not null or state in ('created', 'cancelled')),
    constraint orders_money_came check (
        (paid_at is not null) = (state not in ('created', 'paying', 'cancelled'))),
    constraint orders_sent_are_paid check (
        (sends > 0) = (state in ('sending', 'delivered')
                       or sends > 0 and state in ('refused', 'refunding', 'refunded'))),
    constraint orders_delivered_have_a_receipt check ((receipt is not null) = (state = 'delivered')),
    constraint orders_end check (
        (ended_at is not null) = (state in ('cancelled', 'delivered', 'refunded')))
);

-- Whoever pays, a bill is paid once: there is one order of it that is not over
-- without having paid it.
create unique index orders_bill_once on orders (bill)
    where state not in ('cancelled', 'refused', 'refunding', 'refunded');

create index orders_of_citizen on orders (citizen, id desc);
create index orders_of_bill on orders (bill);
create index orders_of_phone on orders (phone, created_at) where kind = 'topup';
create index orders_due on orders (due_at)
    where state not in ('cancelled', 'delivered', 'refunded');


-- What may become of what.
create table transitions (
    of   text not null,
    old  text not null,
    new  text not null,
    primary key (of, old, new)
);

-- A payment may be made, or be over, before we have heard that it can be made; and
-- somebody in payments may give money back before we could use it.
insert into transitions values
    ('orders', 'created', 'paying'), ('orders', 'created', 'paid'), ('orders', 'created', 'cancelled'),
    ('orders', 'created', 'refused'), ('orders', 'created', 'refunded'),
    ('orders', 'paying', 'paid'), ('orders', 'paying', 'cancelled'),
    ('orders', 'paying', 'refused'), ('orders', 'paying', 'refunded'),
    ('orders', 'paid', 'sending'),
    ('orders', 'sending', 'delivered'), ('orders', 'sending', 'refused'),
    ('orders', 'refused', 'refunding'), ('orders', 'refused', 'refunded'),
    ('orders', 'refunding', 'refunded');


create function state_change()
returns trigger
language plpgsql
as $$
begin
    if old.state <> new.state then
        if not exists (select from transitions t
                        where t.of = tg_table_name and t.old = old.state and t.new = new.state)
        then
            raise exception using errcode = 'check_violation', constraint = 'state_change',
                message = format('of %s, %s does not become %s', tg_table_name, old.state, new.state);
        end if;

        new.changed_at := now();
        new.checks := 0;
    end if;

    return new;
end
$$;

create trigger state_change before update on orders
    for each row execute function state_change();


create function orders_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'created' then
            raise exception using errcode = 'check_violation', constraint = 'orders_change',
                message = 'an order begins as created';
        end if;

        return new;
    end if;

    if (old.id, old.kind, old.citizen, old.key, old.bill, old.phone, old.carrier, old.gateway,
        old.amount, old.created_at)
       is distinct from
       (new.id, new.kind, new.citizen, new.key, new.bill, new.phone, new.carrier, new.gateway,
        new.amount, new.created_at)
       or old.payment is not null and new.payment is distinct from old.payment
       or old.receipt is not null and new.receipt is distinct from old.receipt
       or old.paid_at is not null and new.paid_at is distinct from old.paid_at
       or new.sends < old.sends
    then
        raise exception using errcode = 'check_violation', constraint = 'orders_change',
            message = 'what an order is about does not change';
    end if;

    return new;
end
$$;

create trigger orders_change before insert or update on orders
    for each row execute function orders_change();


create function orders_are_kept()
returns trigger
language plpgsql
as $$
begin
    raise exception using errcode = 'integrity_constraint_violation',
        constraint = 'orders_are_kept', message = 'orders are kept';
end
$$;

create trigger kept before delete or truncate on orders
    for each statement execute function orders_are_kept();

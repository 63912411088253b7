-- Monthly passes, paid for by way of the payments plugin. What passes there are and
-- what they cost is data: see demo/bus_pass.sql.

create table pass_products (
    id     text primary key,
    title  jsonb not null,                  -- { "vi": "...", "en": "..." }
    scope  text not null,                   -- 'route': of one route; 'network': all
    constraint pass_products_scope_known check (scope in ('route', 'network')),
    constraint pass_products_title_said check (title ?& '{vi,en}')
);

-- The price of a pass whose month begins on that day or later.
create table pass_prices (
    product     text not null references pass_products,
    valid_from  date not null,
    price       bigint not null,
    primary key (product, valid_from),
    constraint pass_prices_are_some check (price between 1 and 100000000)
);

create table passes (
    id          uuid primary key,
    code        text not null,              -- what an inspector scans
    holder      text not null,              -- issuer, a space and subject
    product     text not null references pass_products,
    route       text,                       -- route_id: timetables come and go, it stays
    month       date not null,              -- its first day
    price       bigint not null,
    gateway     text not null,
    state       text not null default 'pending',
    payment     uuid,                       -- of the payments plugin; its reference is our id
    refund      text,                       -- of the whole price
    created_at  timestamptz not null default now(),
    changed_at  timestamptz not null default now(),
    check_at    timestamptz not null default now() + interval '2 minutes',

    constraint passes_code_once unique (code),
    constraint passes_month_begins check (extract(day from month) = 1),
    constraint passes_refund_known check (refund in ('due', 'sent', 'done', 'refused')),
    -- What is used is not given back, and money of what is not used is.
    constraint passes_refund_of_none check (refund is null or state in ('lapsed', 'cancelled')),
    constraint passes_cancelled_is_refunded check (state <> 'cancelled' or refund is not null),
    constraint passes_active_is_paid check (state <> 'active' or payment is not null)
);

-- Nobody pays twice for one month.
create unique index passes_live on passes (holder, product, coalesce(route, ''), month)
    where state in ('pending', 'active');
create index passes_of_holder on passes (holder, id desc);
create index passes_to_check on passes (check_at)
    where state = 'pending' or refund in ('due', 'sent');

create table pass_transitions (
    old  text not null,
    new  text not null,
    primary key (old, new)
);

insert into pass_transitions values
    ('pending', 'active'), ('pending', 'lapsed'), ('active', 'cancelled');

create function passes_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'pending' or new.refund is not null then
            raise exception using errcode = 'check_violation', constraint = 'passes_change',
                message = 'a pass begins as pending';
        end if;

        return new;
    end if;

    if (old.id, old.code, old.holder, old.product, old.month, old.price, old.gateway)
       <> (new.id, new.code, new.holder, new.product, new.month, new.price, new.gateway)
       or old.route is distinct from new.route
       or old.payment is not null and new.payment is distinct from old.payment
    then
        raise exception using errcode = 'check_violation', constraint = 'passes_change',
            message = 'what a pass is about does not change';
    end if;

    if old.state <> new.state then
        if not exists (select from pass_transitions t
                        where t.old = old.state and t.new = new.state)
        then
            raise exception using errcode = 'check_violation', constraint = 'passes_change',
                message = format('a pass that is %s does not become %s', old.state, new.state);
        end if;

        new.changed_at := now();
    end if;

    if old.refund is distinct from new.refund
       and (old.refund in ('done', 'refused') or new.refund is null)
    then
        raise exception using errcode = 'check_violation', constraint = 'passes_change',
            message = 'a refund that is over stays so';
    end if;

    return new;
end
$$;

create trigger passes_change before insert or update on passes
    for each row execute function passes_change();

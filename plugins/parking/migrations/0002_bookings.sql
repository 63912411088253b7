-- Quotes, and what is booked on them.
--
--              +--> expired ----+
--   held ------+--> cancelled --+--> refunded
--     |        |                |
--     +-> paid +--> no_show ----+
--           |
--           +-> entered --> exited --> settled
--
-- A booking that is held until a time, paid or entered takes a place. That there
-- is one is decided by bookings_take_a_place, whoever writes the row.

create table quotes (
    id          uuid primary key,
    owner       text not null,           -- issuer and subject of a token
    site        uuid not null,
    vehicle     text not null,
    tariff      uuid not null references tariffs,
    arrive      timestamptz not null,
    leave       timestamptz not null,
    price       bigint not null,
    breakdown   jsonb not null,
    terms       jsonb not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    foreign key (site, vehicle) references supplies,
    constraint quotes_stay_is_some check (arrive < leave),
    constraint quotes_price_is_sane check (price between 0 and 1000000000),
    constraint quotes_booked_as_they_are
        unique (id, owner, site, vehicle, tariff, arrive, leave, price)
);

create index quotes_by_age on quotes (expires_at);

create table bookings (
    id          uuid primary key,
    code        text not null,           -- what is shown at the barrier
    quote       uuid not null,
    owner       text not null,
    site        uuid not null,
    vehicle     text not null,
    tariff      uuid not null,
    plate       text,
    arrive      timestamptz not null,
    leave       timestamptz not null,
    price       bigint not null,
    state       text not null default 'held',
    hold_until  timestamptz not null,
    entered_at  timestamptz,
    exited_at   timestamptz,
    due         bigint not null default 0,      -- on exit, beyond the price
    collected   bigint,                         -- of it, by the operator on the spot
    created_at  timestamptz not null default now(),
    changed_at  timestamptz not null default now(),

    foreign key (quote, owner, site, vehicle, tariff, arrive, leave, price)
        references quotes (id, owner, site, vehicle, tariff, arrive, leave, price),
    constraint bookings_quote_once unique (quote),
    constraint bookings_code_once unique (code),
    constraint bookings_plate_form check (plate ~ '^[0-9A-Z]{4,12}$'),
    constraint bookings_entered_has_time check (
        (entered_at is not null) = (state in ('entered', 'exited', 'settled'))),
    constraint bookings_exited_has_time check (
        (exited_at is not null) = (state in ('exited', 'settled'))),
    constraint bookings_exit_follows_entry check (exited_at >= entered_at),
    constraint bookings_due_on_exit check (
        due >= 0 and (due = 0 or state in ('exited', 'settled'))),
    constraint bookings_collected_is_due check (
        collected is null or state = 'settled' and collected = due)
);

create index bookings_of_place on bookings (site, vehicle, leave)
    where state in ('held', 'paid', 'entered');
create index bookings_of_owner on bookings (owner, created_at desc, id desc);
create index bookings_to_expire on bookings (hold_until) where state = 'held';
create index bookings_to_miss on bookings (leave) where state = 'paid';

create table booking_transitions (
    old  text not null,
    new  text not null,
    primary key (old, new)
);

insert into booking_transitions values
    ('held', 'paid'), ('held', 'expired'), ('held', 'cancelled'),
    ('paid', 'entered'), ('paid', 'cancelled'), ('paid', 'no_show'),
    ('entered', 'exited'), ('exited', 'settled'),
    ('expired', 'refunded'), ('cancelled', 'refunded'), ('no_show', 'refunded');


create function bookings_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'held' then
            raise exception using errcode = 'check_violation', constraint = 'bookings_change',
                message = 'a booking begins as held';
        end if;

        return new;
    end if;

    if (old.id, old.code, old.quote, old.created_at, old.owner, old.plate)
       is distinct from (new.id, new.code, new.quote, new.created_at, new.owner, new.plate)
       or old.hold_until <> new.hold_until and (old.state, new.state) <> ('held', 'held')
       or old.entered_at <> new.entered_at or old.exited_at <> new.exited_at
       or old.state in ('exited', 'settled') and old.due <> new.due
       or old.collected <> new.collected
    then
        raise exception using errcode = 'check_violation', constraint = 'bookings_change',
            message = 'what a booking is about does not change';
    end if;

    if old.state <> new.state then
        if not exists (select from booking_transitions t
                        where t.old = old.state and t.new = new.state)
        then
            raise exception using errcode = 'check_violation', constraint = 'bookings_change',
                message = format('a booking that is %s does not become %s', old.state, new.state);
        end if;

        new.changed_at := now();
    end if;

    return new;
end
$$;

create trigger bookings_change before insert or update on bookings
    for each row execute function bookings_change();


-- How many places are taken at the busiest moment of a stay. A vehicle that has
-- not left when it should takes its place for another hour, whatever the time is.
create function places_taken(site uuid, vehicle text, arrive timestamptz, leave timestamptz)
returns bigint
language sql volatile
as $$
    with taken as (
        select b.arrive as begins,
               case b.state when 'entered' then greatest(b.leave, clock_timestamp() + interval '1 hour')
                            else b.leave end as ends
          from bookings b
         where b.site = places_taken.site and b.vehicle = places_taken.vehicle
           and b.state in ('held', 'paid', 'entered')
           and (b.state <> 'held' or b.hold_until > clock_timestamp())
           and b.arrive < places_taken.leave
           and (b.leave > places_taken.arrive or b.state = 'entered')
    ), moments as (
        select greatest(t.begins, places_taken.arrive) as at, 1 as n from taken t
         where t.ends > places_taken.arrive
        union all
        select t.ends, -1 from taken t where t.ends > places_taken.arrive
    )
    select coalesce(max(s.n), 0)
      from (select sum(m.n) over (order by m.at, m.n rows unbounded preceding) as n
              from moments m) s
$$;


-- Who takes a place, or goes on holding one, comes here one after the other: each
-- writes the row of the supply first, and looks after that what is taken and what
-- time it is. So two never see the same place free, and a hold that somebody else
-- has seen run out is not paid any more.
create function bookings_take_a_place()
returns trigger
language plpgsql
as $$
declare
    places  int;
begin
    if tg_op = 'UPDATE'
       and not (old.state = 'held' and (new.state = 'paid' or new.hold_until <> old.hold_until))
    then
        return new;
    end if;

    update supplies s set changes = s.changes + 1
     where s.site = new.site and s.vehicle = new.vehicle
    returning s.bookable into places;

    if tg_op = 'INSERT' then
        if places_taken(new.site, new.vehicle, new.arrive, new.leave) >= places then
            raise exception using errcode = 'check_violation', constraint = 'bookings_take_a_place',
                message = 'no place is free';
        end if;

    elsif old.hold_until <= clock_timestamp() then
        raise exception using errcode = 'check_violation', constraint = 'bookings_take_a_place',
            message = 'the hold is over';
    end if;

    return new;
end
$$;

-- After bookings_change: triggers go by name.
create trigger bookings_take_a_place before insert or update on bookings
    for each row execute function bookings_take_a_place();


-- What was asked of the owner, each a payment with the charge's id as reference:
-- open, or left for another one, though it may still be paid; paid; late, which was
-- paid for nothing any more and goes back; or void.
create table charges (
    id          uuid primary key,
    booking     uuid not null references bookings,
    purpose     text not null,
    amount      bigint not null,
    gateway     text not null,
    state       text not null default 'open',
    intent      uuid,                    -- the payment, once it is known
    created_at  timestamptz not null default now(),
    paid_at     timestamptz,
    check_at    timestamptz not null default now() + interval '1 minute',
    checks      int not null default 0,

    constraint charges_purpose_known check (purpose in ('stay', 'overstay')),
    constraint charges_state_known check (state in ('open', 'left', 'paid', 'late', 'void')),
    constraint charges_amount_is_some check (amount between 1 and 1000000000),
    constraint charges_paid_has_time check ((paid_at is not null) = (state in ('paid', 'late'))),
    constraint charges_paid_by_an_intent check (state not in ('paid', 'late') or intent is not null),
    constraint charges_intent_once unique (intent),
    constraint charges_refunded_as_they_are unique (id, booking, amount)
);

create unique index charges_open_once on charges (booking) where state = 'open';
create unique index charges_paid_once on charges (booking, purpose) where state = 'paid';
create index charges_of_booking on charges (booking);
create index charges_to_check on charges (check_at) where state in ('open', 'left');

-- What goes back, at most once of a charge: its id is the key that payments knows.
create table refunds (
    id           uuid primary key default gen_random_uuid(),
    charge       uuid not null,
    booking      uuid not null,
    paid         bigint not null,
    amount       bigint not null,
    reason       text not null,
    state        text not null default 'requested',
    why          text,
    attempts     int not null default 0,
    due_at       timestamptz not null default now(),
    created_at   timestamptz not null default now(),
    finished_at  timestamptz,

    foreign key (charge, booking, paid) references charges (id, booking, amount),
    constraint refunds_charge_once unique (charge),
    constraint refunds_within_the_charge check (amount between 1 and paid),
    constraint refunds_reason_known check (reason in ('cancelled', 'no_show', 'late')),
    constraint refunds_state_known check (state in ('requested', 'done', 'refused')),
    constraint refunds_end_has_time check ((finished_at is not null) = (state <> 'requested'))
);

create index refunds_of_booking on refunds (booking);
create index refunds_due on refunds (due_at) where state = 'requested';


create function money_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state not in ('open', 'requested') then
            raise exception using errcode = 'check_violation', constraint = 'money_change',
                message = format('%s begin open', tg_table_name);
        end if;

        if tg_table_name = 'refunds' then
            if (select c.state from charges c where c.id = new.charge) not in ('paid', 'late') then
                raise exception using errcode = 'check_violation', constraint = 'money_change',
                    message = 'what was not paid does not go back';
            end if;
        end if;

    elsif to_jsonb(old) - array['state', 'intent', 'paid_at', 'check_at', 'checks', 'why',
                                'attempts', 'due_at', 'finished_at']
          <> to_jsonb(new) - array['state', 'intent', 'paid_at', 'check_at', 'checks', 'why',
                                   'attempts', 'due_at', 'finished_at']
          or old.state not in ('open', 'left', 'requested') and old.state <> new.state
          or to_jsonb(old) ->> 'intent' <> to_jsonb(new) ->> 'intent'
    then
        raise exception using errcode = 'check_violation', constraint = 'money_change',
            message = format('what %s are about does not change', tg_table_name);
    end if;

    return new;
end
$$;

create trigger charges_change before insert or update on charges
    for each row execute function money_change();
create trigger refunds_change before insert or update on refunds
    for each row execute function money_change();


-- What an operator is told, in order for each booking, until it has said yes.
create table notices (
    number        bigint generated always as identity primary key,
    id            uuid not null default gen_random_uuid() unique,
    operator      text not null references operators,
    booking       uuid not null references bookings,
    type          text not null,
    body          jsonb not null,
    created_at    timestamptz not null default now(),
    attempts      int not null default 0,
    due_at        timestamptz not null default now(),
    delivered_at  timestamptz,
    given_up_at   timestamptz
);

create index notices_open on notices (booking, number)
    where delivered_at is null and given_up_at is null;
create index notices_due on notices (due_at)
    where delivered_at is null and given_up_at is null;

-- What an operator has told of a booking, each once.
create table operator_events (
    operator     text not null references operators,
    id           text not null,
    booking      uuid references bookings,
    type         text not null,
    at           timestamptz not null,
    amount       bigint,
    verdict      text not null,
    received_at  timestamptz not null default now(),
    primary key (operator, id)
);

create index operator_events_early on operator_events (booking) where verdict = 'early';


-- Whatever changes a booking, its operator and the city are told by the same
-- transaction. Before it is paid it is nobody else's business.
create function bookings_tell()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'UPDATE' and old.state = new.state then
        return null;
    end if;

    perform ihanoi_host.publish('parking.changed', new.id, jsonb_build_object(
        'state', new.state, 'site', new.site, 'vehicle', new.vehicle));

    if tg_op = 'UPDATE'
       and (new.state in ('paid', 'no_show', 'settled')
            or new.state = 'cancelled' and old.state = 'paid')
    then
        insert into notices (operator, booking, type, body)
        select s.operator, new.id, 'booking.' || new.state,
               jsonb_strip_nulls(jsonb_build_object(
                   'id', new.id, 'code', new.code, 'place', new.site, 'vehicle', new.vehicle,
                   'plate', new.plate, 'from', new.arrive, 'until', new.leave,
                   'state', new.state))
          from sites s
         where s.id = new.site;
    end if;

    return null;
end
$$;

create trigger bookings_tell after insert or update on bookings
    for each row execute function bookings_tell();


create function bookings_are_kept()
returns trigger
language plpgsql
as $$
begin
    raise exception using errcode = 'integrity_constraint_violation',
        constraint = 'bookings_are_kept', message = format('%s are kept', tg_table_name);
end
$$;

create trigger kept before delete or truncate on bookings
    for each statement execute function bookings_are_kept();
create trigger kept before delete or truncate on charges
    for each statement execute function bookings_are_kept();
create trigger kept before delete or truncate on refunds
    for each statement execute function bookings_are_kept();
create trigger kept before insert or update or delete or truncate on booking_transitions
    for each statement execute function bookings_are_kept();

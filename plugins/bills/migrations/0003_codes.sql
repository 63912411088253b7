-- Customer codes that citizens have saved, and what they are reminded of. A code is
-- declared: anybody may save any. It is proved when the company has recognised the
-- number of the meter that goes with it.
create table codes (
    id           uuid primary key,
    citizen      text not null,
    customer     text not null,
    label        text not null,         -- the citizen's own word for it
    remind       boolean not null,
    days_before  int not null,          -- a bill is due
    proved_at    timestamptz,
    created_at   timestamptz not null default now(),
    check_at     timestamptz not null default now(),    -- when to ask the company next

    constraint codes_saved_once unique (citizen, customer),
    constraint codes_days_are_some check (days_before between 0 and 30)
);

create index codes_to_check on codes (check_at) where remind;

-- Attempts to prove a code, right or wrong, so that nobody tries all meters.
create table proofs (
    id        bigint generated always as identity primary key,
    citizen   text not null,
    customer  text not null,
    at        timestamptz not null default now()
);

create index proofs_of_citizen on proofs (citizen, at);
create index proofs_of_customer on proofs (customer, at);

create table reminders (
    id    uuid primary key default gen_random_uuid(),
    code  uuid not null references codes on delete cascade,
    bill  uuid not null references bills,
    kind  text not null,
    at    timestamptz not null default now(),

    -- Nobody is told twice of the same.
    constraint reminders_once unique (code, bill, kind),
    constraint reminders_kind_known check (kind in ('new', 'due', 'overdue'))
);

-- A day of a gateway, held against its file. A day may be reconciled again:
-- the last report counts, the others are kept.

create table reconciliations (
    id           uuid primary key default gen_random_uuid(),
    gateway      text not null,
    day          date not null,
    made_at      timestamptz not null default now(),
    there        jsonb not null,        -- numbers and sums of the file
    here         jsonb not null,        -- and ours, before anything was applied
    differences  jsonb not null,
    agrees       boolean not null generated always as (jsonb_array_length(differences) = 0) stored
);

create index reconciliations_of_day on reconciliations (gateway, day, made_at desc);

-- Days on which one unit is closed although its hours say otherwise.
create table closures (
    id            uuid primary key,
    unit          text not null check (length(unit) between 1 and 50),
    day           date not null,
    reason        text not null check (length(reason) between 1 and 200),
    announced_by  text not null,               -- issuer and subject
    announced_at  timestamptz not null default now(),

    constraint closures_are_announced_once unique (unit, day)
);

create index closures_by_day on closures (day, unit);

-- Days of a year as they were announced, in place of those of lib/days.lua.
create table announced_days (
    day    date primary key,
    vi     text not null,
    en     text not null,
    works_like  int check (works_like between 1 and 7)    -- null: a day off
);

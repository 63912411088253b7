-- Fares that hold between zones only. Not in fares: the version before this would show
-- those as fares that hold everywhere.

alter table stops add column zone text;         -- zone_id

create table zone_fares (
    feed         int not null references feeds on delete cascade,
    id           text not null,
    route        text,                         -- null: any
    origin       text,                         -- the zone of boarding; null: any
    destination  text,                         -- of leaving; null: any
    price        numeric not null,
    currency     text not null,
    transfers    int,                          -- null: any number

    constraint zone_fares_have_a_zone
        check (origin is not null or destination is not null)
);

create index zone_fares_of_route on zone_fares (feed, route);

-- Fares that hold by way of zones (contains_id). Not in zone_fares: the version before
-- this would show those as fares that hold whatever the way.

create table way_fares (
    feed         int not null references feeds on delete cascade,
    id           text not null,
    route        text,                         -- null: any
    origin       text,                         -- the zone of boarding; null: any
    destination  text,                         -- of leaving; null: any
    zones        text[] not null,              -- all that a ride calls in, in order
    price        numeric not null,
    currency     text not null,
    transfers    int                           -- null: any number
);

create index way_fares_of_route on way_fares (feed, route);

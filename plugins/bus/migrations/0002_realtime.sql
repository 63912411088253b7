-- What the transit agency says of today, GTFS-realtime: replaced as a whole by
-- each message. Unlogged: after a crash there is nothing until the next one.

create unlogged table realtime (
    one          boolean primary key default true,
    made_at      timestamptz not null,         -- the message's own timestamp
    received_at  timestamptz not null default now(),

    constraint realtime_is_one check (one)
);

create unlogged table realtime_trips (
    trip_id    text not null,
    day        date not null,                  -- start_date, the service day
    cancelled  boolean not null,

    primary key (trip_id, day)
);

-- Delay in seconds from a call on, until the next row of its trip.
create unlogged table realtime_delays (
    trip_id   text not null,
    day       date not null,
    sequence  int not null,
    delay     int not null,
    skipped   boolean not null,

    primary key (trip_id, day, sequence)
);

create unlogged table realtime_alerts (
    id         text primary key,
    cause      text not null,
    effect     text not null,
    header     jsonb not null,                 -- { language: text }
    text       jsonb not null,
    starts_at  timestamptz,
    ends_at    timestamptz,
    routes     text[] not null,
    stops      text[] not null
);

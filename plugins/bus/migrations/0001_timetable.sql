-- Timetables of GTFS feeds (gtfs.org/schedule/reference). Each row belongs to
-- one import of a feed; readers take the current one, so that a new timetable
-- is swapped in by one update while the old one serves.
--
-- Times are seconds since noon minus twelve hours of the service day, as GTFS
-- has them: 25:10:00, of a bus after midnight, is 90600.

create table feeds (
    id           int generated always as identity primary key,
    source       text not null,                -- what the operator imported
    digest       text not null,                -- SHA-256 of its files
    state        text not null default 'loading',
    imported_at  timestamptz not null default now(),
    current_since timestamptz,
    publisher    text,
    version      text,
    timezone     text,
    valid_from   date,
    valid_to     date,
    last_second  int not null default 0,       -- the latest time of a call
    counts       jsonb,

    constraint feeds_have_a_state
        check (state in ('loading', 'refused', 'ready', 'current', 'retired'))
);

create unique index feeds_have_one_current on feeds (state)
    where state = 'current';

-- The files as they came: emptied when a timetable has been made of them.
create unlogged table feed_files (
    feed     int not null references feeds on delete cascade,
    file     text not null,
    columns  text[] not null,
    primary key (feed, file)
);

create unlogged table feed_lines (
    feed    int not null,
    file    text not null,
    line    int not null,
    fields  text[] not null
);

create index feed_lines_of_file on feed_lines (feed, file);

-- What is wrong with a feed, by the codes of the canonical GTFS validator
-- (gtfs-validator.mobilitydata.org/rules.html).
create table feed_notices (
    feed      int not null references feeds on delete cascade,
    code      text not null,
    severity  text not null,
    file      text not null,
    line      int,
    detail    text,

    constraint feed_notices_have_a_severity
        check (severity in ('error', 'warning', 'info'))
);

create index feed_notices_of_feed on feed_notices (feed, severity, code);

create table stops (
    feed           int not null,
    number         int not null,               -- 1, 2, 3 ... in the feed
    id             text not null,              -- stop_id
    code           text,
    name           text not null,
    search         text not null,              -- without diacritics
    description    text,
    location       geography(point) not null,
    location_type  int not null,
    parent         text,
    platform       text,
    wheelchair     int,

    primary key (feed, number)
);

create unique index stops_by_id on stops (feed, id);
create index stops_near on stops using gist (location) where location_type = 0;

create table routes (
    feed         int not null,
    id           text not null,
    agency       text,
    short_name   text,
    long_name    text,
    description  text,
    type         int not null,
    url          text,
    color        text,
    text_color   text,
    sort_order   int,

    primary key (feed, id)
);

-- calendar.txt and calendar_dates.txt, day by day.
create table service_days (
    feed     int not null,
    day      date not null,
    service  int not null,

    primary key (feed, day, service)
);

create table services (
    feed    int not null,
    number  int not null,
    id      text not null,

    primary key (feed, number)
);

-- Trips of one route, direction and sequence of stops.
create table patterns (
    feed       int not null,
    number     int not null,
    route      text not null,
    direction  int,
    headsign   text,
    stops      int[] not null,

    primary key (feed, number)
);

create index patterns_of_route on patterns (feed, route);

create table pattern_stops (
    feed      int not null,
    pattern   int not null,
    sequence  int not null,                    -- 1, 2, 3 ... in the pattern
    stop_sequence int not null,                -- as the feed counts
    stop      int not null,
    boards    boolean not null,                -- pickup_type is not 1
    alights   boolean not null,                -- drop_off_type is not 1

    primary key (feed, pattern, sequence)
);

create index pattern_stops_at on pattern_stops (feed, stop)
    include (pattern, sequence, boards, alights);

-- A trip of frequencies.txt is here once for each of its departures.
create table trips (
    feed        int not null,
    number      int not null,
    id          text not null,                 -- trip_id
    pattern     int not null,
    service     int not null,
    headsign    text,
    starts      int not null,                  -- departure of its first call
    frequency   boolean not null,              -- of frequencies.txt
    headway     int,                           -- of those without exact times
    wheelchair  int,

    primary key (feed, number)
);

create index trips_by_id on trips (feed, id);

create table calls (
    feed       int not null,
    trip       int not null,
    sequence   int not null,
    pattern    int not null,
    stop       int not null,
    service    int not null,
    arrival    int not null,
    departure  int not null,
    boards     boolean not null,               -- and goes on to another call
    alights    boolean not null,

    primary key (feed, trip, sequence)
);

-- Who boards the first bus of a line, and what leaves a stop.
create index calls_of_line on calls (feed, pattern, sequence, departure)
    include (trip, service);
create index calls_at_stop on calls (feed, stop, departure)
    include (trip, sequence, pattern, service) where boards;

-- transfers.txt, and stops near to one another; seconds on foot.
create table transfers (
    feed       int not null,
    from_stop  int not null,
    to_stop    int not null,
    seconds    int not null,
    metres     int not null,

    primary key (feed, from_stop, to_stop)
);

create index transfers_to on transfers (feed, to_stop);

-- fare_attributes.txt and fare_rules.txt: of a route, or of all (null).
create table fares (
    feed       int not null,
    id         text not null,
    route      text,
    price      numeric not null,
    currency   text not null,
    transfers  int                             -- null: any number
);

create index fares_of_route on fares (feed, route);

-- Between the files and the timetable: trips and calls with their fields read.
create unlogged table feed_trips (
    feed        int not null,
    id          text not null,
    route       text not null,
    service     int not null,
    direction   int,
    headsign    text,
    wheelchair  int,
    pattern     int
);

create unlogged table feed_calls (
    feed       int not null,
    line       int not null,
    trip       text not null,
    sequence   int not null,                   -- 1, 2, 3 ... of the trip
    stop_sequence int not null,
    stop       int not null,
    arrival    int,
    departure  int,
    boards     boolean not null,
    alights    boolean not null
);

create index feed_calls_of_trip on feed_calls (feed, trip, sequence);

create index trips_of_pattern on trips (feed, pattern);

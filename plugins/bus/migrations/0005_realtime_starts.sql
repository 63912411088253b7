-- What the agency says of a trip of frequencies.txt is said of one of its departures:
-- starts is that one's, as in trips. The version before this says nothing of those, and
-- of no trip when it starts: -1, which the version after does not find for a minute.

alter table realtime_trips
    add column starts int not null default -1,
    drop constraint realtime_trips_pkey,
    add primary key (trip_id, day, starts);

alter table realtime_delays
    add column starts int not null default -1,
    drop constraint realtime_delays_pkey,
    add primary key (trip_id, day, starts, sequence);

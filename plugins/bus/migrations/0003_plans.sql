-- A stop that a traveller has reached, and how: by a ride (trip, and the calls
-- where it was boarded and left, after the label "origin") to from_stop, and so
-- many seconds on foot from there; from_stop is null where the journey begins.
create type plan_label as (
    stop       int,
    at         int,                            -- second of the service day
    from_stop  int,
    walk       int,
    trip       int,
    day_back   int,                            -- 1: a trip of the day before
    board      int,
    alight     int,
    origin     int
);

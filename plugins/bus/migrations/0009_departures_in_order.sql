-- What leaves a stop stands in order, as answers show it: twenty departures are twenty rows
-- beside one another, where they were twenty calls and as many trips from all over the
-- tables. A timetable that the version before imports after this has none of it: import it
-- again. That version still reads calls_at_stop, which goes with a later one.

-- The calls that can be boarded. In the order of the import, so that they lie together.
create table departures (
    feed       int not null,
    stop       int not null,
    departure  int not null,
    trip       int not null,
    sequence   int not null,
    service    int not null,
    starts     int not null,                   -- as in trips
    trip_id    text not null,
    headway    int,
    shown      text not null                   -- {"route":…,"headsign":…,"trip":…
);

insert into departures
select k.feed, k.stop, k.departure, k.trip, k.sequence, k.service, t.starts, t.id,
       t.headway, t.shown
  from calls k
  join (select x.*, left(row_to_json(s)::text, -1) as shown
          from trips x
         cross join lateral (
            select x.route_brief as route, x.headsign, x.id as trip) s
        offset 0) t on t.feed = k.feed and t.number = k.trip
 where k.boards
 order by k.feed, k.stop, k.departure, k.trip, k.sequence;

alter table departures add primary key (feed, stop, departure, trip, sequence);

-- The days on which something runs.
create table feed_days (
    feed      int not null references feeds on delete cascade,
    day       date not null,
    starts    timestamptz not null,            -- noon minus twelve hours
    ends      timestamptz not null,            -- the last departure of that day
    services  int[] not null,

    primary key (feed, day)
);

insert into feed_days (feed, day, starts, ends, services)
select d.feed, d.day, t.starts, t.starts + max(l.departure) * interval '1 second',
       array_agg(d.service order by d.service)
  from service_days d
  join feeds f on f.id = d.feed
  join (select x.feed, x.service, max(x.departure) as departure
          from departures x
         group by x.feed, x.service) l on l.feed = d.feed and l.service = d.service
 cross join lateral (
    select ((d.day + time '12:00') at time zone f.timezone) - interval '12 hours'
           as starts) t
 group by d.feed, d.day, t.starts;

analyze departures;
analyze feed_days;

-- Where vehicles call, by number: the stop itself, or the stops of a station. Last, as it
-- locks the table.
alter table stops add column platforms int[];

update stops s
   set platforms = case when s.location_type = 0 then array[s.number]
                        else array(select x.number from stops x
                                    where x.feed = s.feed and x.parent = s.id
                                      and x.location_type = 0
                                    order by x.number) end;

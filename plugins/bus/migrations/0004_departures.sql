-- What departures show of a stop and of a trip is made when a timetable is imported,
-- not in each answer. A timetable that the version before imports after this has none
-- of it: import it again.

alter table stops add column document json;     -- as answers show it
alter table trips add column route_brief json;  -- as route_brief() has it

update stops s
   set document = json_build_object(
           'id', s.id, 'code', s.code, 'name', s.name, 'description', s.description,
           'location', json_build_object('lat', st_y(s.location::geometry),
                                         'long', st_x(s.location::geometry)),
           'station', s.parent, 'platform', s.platform,
           'wheelchair', (array['accessible', 'not_accessible'])[s.wheelchair]);

-- The headsign of a trip that has none of its own is its pattern's.
update trips t
   set headsign = coalesce(t.headsign, p.headsign),
       route_brief = json_build_object(
           'id', r.id, 'short_name', coalesce(r.short_name, r.long_name),
           'type', r.type, 'color', r.color)
  from patterns p
  join routes r on r.feed = p.feed and r.id = p.route
 where p.feed = t.feed and p.number = t.pattern;

create index stops_of_station on stops (feed, parent) where location_type = 0;

-- A route of the timetable that is served, as route_brief() has it; null when there
-- is none such.
create function route_named(id text)
returns json
language sql stable
as $$
    select route_brief(r)
      from routes r
      join feeds f on f.id = r.feed
     where f.state = 'current' and r.id = route_named.id
$$;

-- A route as it stands beside a departure or a ride.
create function route_brief(r routes)
returns json
language sql stable parallel safe
return json_build_object('id', r.id, 'short_name', coalesce(r.short_name, r.long_name),
                         'type', r.type, 'color', r.color);

-- A stop as answers show it.
create function stop_document(s stops)
returns json
language sql stable parallel safe
return json_build_object(
    'id', s.id, 'code', s.code, 'name', s.name, 'description', s.description,
    'location', json_build_object('lat', st_y(s.location::geometry),
                                  'long', st_x(s.location::geometry)),
    'station', s.parent, 'platform', s.platform,
    'wheelchair', (array['accessible', 'not_accessible'])[s.wheelchair]);

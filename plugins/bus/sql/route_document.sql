-- A route as answers show it.
create function route_document(r routes)
returns json
language sql stable parallel safe
return json_build_object(
    'id', r.id, 'agency', r.agency, 'short_name', r.short_name,
    'long_name', r.long_name, 'description', r.description, 'type', r.type,
    'url', r.url, 'color', r.color, 'text_color', r.text_color);

-- A street as it is compared: case and spaces do not count, nor how letters are composed.
create function place_name(name text)
returns text
language sql immutable
as $$
    select nullif(lower(btrim(regexp_replace(normalize(name), '[\s\u00a0]+', ' ', 'g'))), '')
$$;

-- A MultilingualString of APDS.
create function apds_text(vi text, en text default null)
returns jsonb
language sql immutable
as $$
    select jsonb_build_array(jsonb_build_object('language', 'vi', 'string', vi))
        || case when en is null then '[]'
                else jsonb_build_array(jsonb_build_object('language', 'en', 'string', en)) end
$$;

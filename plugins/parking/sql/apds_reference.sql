-- A VersionedReference of APDS.
create function apds_reference(id text, version int, class_name text)
returns jsonb
language sql immutable
as $$
    select jsonb_build_object('id', id, 'version', version, 'className', class_name)
$$;

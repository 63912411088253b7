-- The HierarchyElementRecord of a version that an operator has made. Operators have no
-- versions here.
create function apds_record(changed_at timestamptz, operator text)
returns jsonb
language sql immutable
as $$
    select jsonb_build_object('creationTime', changed_at,
                              'creator', apds_reference(operator, 1, 'Organisation'))
$$;

-- GET /v1/parking/apds/sessions/{id}: the stay of the caller's own booking as a Session of
-- APDS, in one Segment, from the entry on.
create function apds_session_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, jsonb_strip_nulls(jsonb_build_object(
               'id', b.id, 'version', b.version + s.issuers,
               'actualStart', b.entered_at, 'actualEnd', b.exited_at,
               'initiator', apds_reference(s.operator, 1, 'Organisation'),
               'identifiedCredentials', shown,
               'hierarchyElement', apds_reference(u.site || '-' || u.vehicle, u.version, 'IdentifiedArea'),
               'segments', jsonb_build_array(jsonb_build_object(
                   'id', b.id || '-1', 'version', b.version + s.issuers,
                   'actualStart', b.entered_at, 'actualEnd', b.exited_at,
                   'assignedRight', apds_reference(b.id::text, b.version + s.issuers, 'AssignedRight'),
                   'validationType', jsonb_path_query_array(shown, '$[*].type')))))::json
      from bookings b
      join sites s on s.id = b.site
      join supplies u on u.site = b.site and u.vehicle = b.vehicle
     cross join apds_credentials(b) as shown
     where b.id = apds_session_read.id
       and b.owner = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
       and b.entered_at is not null
$$;

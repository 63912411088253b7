-- GET /v1/parking/apds/rights/specs/{id}: who may park with a supply, and by which
-- RateTables. The id is the supply's.
create function apds_right_read(caller jsonb, id text)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, (jsonb_build_object(
               'type', 'oneTimeUseParking',
               'description', apds_vehicle(u.vehicle),
               'issuer', apds_reference(s.operator, 1, 'Organisation'),
               'transferable', false,
               'hierarchyElements', jsonb_build_array(
                   apds_reference(u.site || '-' || u.vehicle, u.version, 'IdentifiedArea')),
               'rateEligibility', coalesce((
                   select jsonb_agg(jsonb_build_object(
                              'id', t.id, 'version', t.version,
                              'rateTable', apds_reference(t.id, t.version, 'RateTable'),
                              'eligibility', jsonb_build_object(
                                  'id', t.id, 'version', t.version,
                                  'qualifications', jsonb_build_array(jsonb_build_object(
                                      'vehicleTypes', jsonb_build_array(jsonb_build_object(
                                          'vehicleType', jsonb_build_object(
                                              'entryDefinedValue', u.vehicle))))))))
                     from apds_tables(u.site, u.vehicle) t), '[]'))
               || apds_right(u) - 'className')::json
      from sites s
      join supplies u on u.site = s.id
     where s.id = left(apds_right_read.id, 36)::uuid and s.in_service
       and u.vehicle = substr(apds_right_read.id, 38)
$$;

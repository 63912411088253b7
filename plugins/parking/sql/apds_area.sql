-- A supply as an IdentifiedArea of APDS below its site's Place: how many vehicles of its
-- type there is room for, and how many stand there as they were counted last.
create function apds_area(s sites, u supplies)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'id', u.site || '-' || u.vehicle, 'version', u.version,
               'type', 'identifiedArea', 'layer', 1,
               'name', apds_vehicle(u.vehicle),
               'hierarchyElementRecord', apds_record(u.changed_at, s.operator),
               'parentId', apds_reference(s.id::text, s.version, 'Place'),
               'rightSpecifications', jsonb_build_array(apds_right(u)),
               'hierarchyElementReference', jsonb_build_object(
                   'elementId', apds_reference(u.site || '-' || u.vehicle, u.version, 'IdentifiedArea'),
                   'supply', jsonb_build_array(jsonb_build_object(
                       'supplyViewType', 'vehicleView', 'supplyQuantity', u.capacity)))
                   || case when u.observed_at is null then '{}' else jsonb_build_object(
                       'demandTable', jsonb_build_array(jsonb_build_object(
                           'timestamp', now(),
                           'demandType', jsonb_build_array(jsonb_build_object(
                               'count', u.capacity - u.free,
                               'percentage', round(100.0 * (u.capacity - u.free) / u.capacity, 1),
                               'occupancyCalculation', 'counted',
                               'recordDateTime', u.observed_at))))) end)
$$;

-- A site as a Place of APDS.
create function apds_place(s sites)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'id', s.id, 'version', s.version, 'type', 'place', 'layer', 0,
               'name', apds_text(s.name),
               'timeZone', 'Asia/Ho_Chi_Minh',
               'hierarchyElementRecord', apds_record(s.changed_at, s.operator),
               'indicativePointLocation', st_asgeojson(s.location, 7)::jsonb,
               'placeStreetAddress', jsonb_build_object(
                   'countryCode', 'VN',
                   'city', apds_text('Hà Nội', 'Hanoi'),
                   'addressLines', jsonb_build_array(jsonb_build_object(
                       'order', 0, 'type', 'street', 'text', apds_text(s.address)))),
               'childIds', coalesce((
                   select jsonb_agg(apds_reference(u.site || '-' || u.vehicle, u.version, 'IdentifiedArea')
                                    order by u.vehicle)
                     from supplies u where u.site = s.id), '[]'))
$$;

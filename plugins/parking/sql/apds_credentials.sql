-- What the holder of a booking is known by at the barrier, as HolderCredentials of APDS:
-- its code, and the plate where it was told.
create function apds_credentials(b bookings)
returns jsonb
language sql stable
as $$
    select jsonb_agg(jsonb_build_object(
               'credentialType', c.class, 'type', c.type, 'issuer', c.issuer,
               'identifier', jsonb_build_object('id', c.id, 'className', c.name))
               order by c.type)
      from (select 'OtherCredential', 'eticket', 'BookingCode', b.code, apds_text(o.name)
              from sites s join operators o on o.id = s.operator
             where s.id = b.site
             union all
            select 'VehicleCredential', 'licensePlate', 'NumberPlate', b.plate,
                   apds_text('Cảnh sát giao thông', 'Traffic police')
             where b.plate is not null) c (class, type, name, id, issuer)
$$;

-- What a vehicle type is called.
create function apds_vehicle(vehicle text)
returns jsonb
language sql immutable
as $$
    select case vehicle
           when 'bicycle'    then apds_text('Xe đạp', 'Bicycles')
           when 'motorcycle' then apds_text('Xe máy', 'Motorcycles')
           when 'car'        then apds_text('Ô tô con', 'Cars')
           when 'van'        then apds_text('Ô tô tải nhẹ', 'Vans')
           when 'bus'        then apds_text('Ô tô khách', 'Buses')
           when 'lorry'      then apds_text('Ô tô tải', 'Lorries') end
$$;

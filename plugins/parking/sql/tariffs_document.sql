-- The tariff of today and those to come, with their rates.
create function tariffs_document(site uuid, vehicle text)
returns json
language sql stable
as $$
    select coalesce(json_agg(json_build_object(
               'valid_from', t.valid_from, 'valid_to', t.valid_to, 'grace_minutes', t.grace_minutes,
               'rates', (select coalesce(json_agg(json_build_object(
                                    'segment', r.segment, 'days', r.days,
                                    'starts', to_char(r.starts, 'HH24:MI'), 'minutes', r.minutes,
                                    'unit_minutes', r.unit_minutes, 'price', r.price, 'cap', r.cap)
                                    order by r.days, r.starts), '[]')
                           from rates r where r.tariff = t.id)) order by t.valid_from), '[]')
      from tariffs t
     where t.site = tariffs_document.site and t.vehicle = tariffs_document.vehicle
       and coalesce(t.valid_to, 'infinity') >= (now() at time zone 'Asia/Ho_Chi_Minh')::date
$$;

-- The RateTables of APDS of a supply: one for each segment of its tariffs of today and to
-- come, numbered in the tariff.
create function apds_tables(site uuid, vehicle text)
returns table (id text, tariff uuid, n int, version int)
language sql stable
as $$
    select t.id || '-' || r.n, t.id, r.n::int, t.version
      from tariffs t
     cross join lateral (
           select row_number() over (order by x.days, x.starts) as n
             from rates x where x.tariff = t.id) r
     where t.site = apds_tables.site and t.vehicle = apds_tables.vehicle
       and coalesce(t.valid_to, 'infinity') >= (now() at time zone 'Asia/Ho_Chi_Minh')::date
     order by t.valid_from, r.n
$$;

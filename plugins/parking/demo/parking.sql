-- Places to park in Hà Nội that one knows, for looking at, never in production:
-- coordinates are approximate, and numbers, hours and prices are made up.
-- Run with the plugin's search_path, once.

-- Sites and prices are the administrator's to write; so are temporary tables.
reset session authorization;

insert into operators (id, name, contact) values
    ('demo', 'Đơn vị khai thác điểm đỗ (bản trình diễn)', 'operator@demo.example');

insert into refund_rules (operator, before_minutes, percent) values ('demo', 60, 100), ('demo', 15, 50);

create temporary table demo_sites (n int, name text, address text, long float8, lat float8,
                                   cars int, motorcycles int, all_day boolean);
insert into demo_sites values
    (1, 'Bãi đỗ xe phố Trần Nhật Duật',    'Phố Trần Nhật Duật, Hoàn Kiếm',  105.8527, 21.0397,  80,  200, true),
    (2, 'Điểm đỗ xe phố Trần Quang Khải',  'Phố Trần Quang Khải, Hoàn Kiếm', 105.8570, 21.0290,  60,  150, true),
    (3, 'Bãi đỗ xe Cung Văn hóa Hữu nghị', 'Phố Trần Hưng Đạo, Hoàn Kiếm',   105.8431, 21.0240, 120,  300, true),
    (4, 'Điểm đỗ xe Công viên Thống Nhất', 'Phố Trần Nhân Tông, Hai Bà Trưng', 105.8445, 21.0170, 50, 400, false),
    (5, 'Bãi đỗ xe Vườn thú Thủ Lệ',       'Đường Bưởi, Ba Đình',            105.8067, 21.0318,  70,  500, false),
    (6, 'Bãi đỗ xe Sân vận động Mỹ Đình',  'Đường Lê Đức Thọ, Từ Liêm',      105.7640, 21.0205, 400, 1000, true);

insert into sites (id, operator, name, address, location)
select ('00000000-0000-7000-8000-000000000e0' || n)::uuid, 'demo', name || ' (trình diễn)', address,
       st_point(long, lat, 4326)
  from demo_sites;

insert into openings (site, days, opens, minutes)
select ('00000000-0000-7000-8000-000000000e0' || n)::uuid, '{1,2,3,4,5,6,7}',
       case when all_day then '00:00' else '06:00' end::time, case when all_day then 1440 else 17 * 60 end
  from demo_sites;

insert into supplies (site, vehicle, capacity, bookable, free, observed_at)
select ('00000000-0000-7000-8000-000000000e0' || d.n)::uuid, v.vehicle, v.capacity, v.capacity / 2,
       v.capacity / 3, now()
  from demo_sites d
 cross join lateral (values ('car', d.cars), ('motorcycle', d.motorcycles)) v (vehicle, capacity);

insert into tariffs (site, vehicle, valid_from)
select site, vehicle, '2026-01-01' from supplies
 where site in (select ('00000000-0000-7000-8000-000000000e0' || n)::uuid from demo_sites);

-- By day for each two hours that are begun, by night for all of it.
insert into rates (tariff, segment, days, starts, minutes, unit_minutes, price, cap)
select t.id, r.segment, '{1,2,3,4,5,6,7}', r.starts, r.minutes, r.unit_minutes,
       case t.vehicle when 'car' then r.car else r.motorcycle end,
       case t.vehicle when 'car' then r.car * 4 else r.motorcycle * 2 end
  from tariffs t
 cross join (values ('day', time '06:00', 16 * 60, 120, 25000, 5000),
                    ('night', time '22:00', 8 * 60, 8 * 60, 40000, 8000))
       r (segment, starts, minutes, unit_minutes, car, motorcycle)
 where t.site in (select ('00000000-0000-7000-8000-000000000e0' || n)::uuid from demo_sites);

drop table demo_sites;

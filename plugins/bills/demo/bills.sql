-- Bills and orders in some states, of nobody: for looking at, never in production.
-- Run with the plugin's search_path, once.
insert into tariffs (valid_from, limits, prices, vat, source, verified, loaded_by) values
    ('2024-10-11', '{50,100,200,300,400}', '{1893,1956,2271,2860,3197,3302}', 800, 'demo: from memory', false, 'demo'),
    ('2025-05-10', '{50,100,200,300,400}', '{1984,2050,2380,2998,3350,3460}', 800, 'demo: from memory', false, 'demo');

insert into carriers (code, name, amounts) values
    ('viettel', 'Viettel', '{10000,20000,50000,100000}'), ('vinaphone', 'VinaPhone', '{10000,20000,50000,100000}');
insert into prefixes values ('096', 'viettel'), ('091', 'vinaphone');

select bills_seen('PD01000000001', '[
    {"number": "DEMO-10", "period_from": "2026-10-01", "period_to": "2026-10-31", "kwh": 350,
     "households": 1, "amount": 979560, "due_on": "2026-11-15", "state": "unpaid"},
    {"number": "DEMO-09", "period_from": "2026-09-01", "period_to": "2026-09-30", "kwh": 410,
     "households": 1, "amount": 1197828, "due_on": "2026-10-15", "state": "paid"}]');
select lookup_begin('https://dev.ihanoi.example demo-citizen', 'PD01000000001', 30, 10);

select bill_order('00000000-0000-7000-8000-00000000b101', 'https://dev.ihanoi.example demo-citizen',
                  'demo-1', b.id, 'momo', b.amount, 5, 86400)
  from bills b where b.number = 'DEMO-10';
select topup_order(id::uuid, 'https://dev.ihanoi.example demo-citizen', id, phone, null, 'momo', 20000,
                   5, 1000000, 500000, 86400)
  from (values ('00000000-0000-7000-8000-00000000b102', '84961234567'),
               ('00000000-0000-7000-8000-00000000b103', '84911234567')) x (id, phone);
select order_payment(id, gen_random_uuid(), 'succeeded', 86400) from orders where kind = 'bill' or phone like '8496%';
select order_due(86400, id) from orders where state = 'paid';
select order_finish(id, 'done', 1, 'DEMO-R') from orders where kind = 'bill';
select order_finish(id, 'refused', 1, null, 'closed') from orders where phone like '8496%';

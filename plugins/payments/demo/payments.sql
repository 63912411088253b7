-- Payments in all states, of nobody: for looking at, never in production.
-- Run with the plugin's search_path and role, once.
select intent_create(id::uuid, number, 'https://dev.ihanoi.example demo-citizen', service, reference,
                     'momo', amount, description, expires, 60)
  from (values
    ('00000000-0000-7000-8000-000000000d01', 'HN0000000000000D01', 'parking', 'demo-1',  20000, 'Gửi xe máy, phố Đinh Tiên Hoàng', 900),
    ('00000000-0000-7000-8000-000000000d02', 'HN0000000000000D02', 'parking', 'demo-2',  35000, 'Gửi ô tô, phố Trần Nhật Duật', 900),
    ('00000000-0000-7000-8000-000000000d03', 'HN0000000000000D03', 'bills',   'demo-3', 486000, 'Tiền điện tháng 10', 900),
    ('00000000-0000-7000-8000-000000000d04', 'HN0000000000000D04', 'bus_pass','demo-4', 140000, 'Vé tháng một tuyến', 900),
    ('00000000-0000-7000-8000-000000000d05', 'HN0000000000000D05', 'bus_pass','demo-5', 280000, 'Vé tháng liên tuyến', 900),
    ('00000000-0000-7000-8000-000000000d06', 'HN0000000000000D06', 'bills',   'demo-6',  50000, 'Nạp tiền điện thoại', 0))
       p (id, number, service, reference, amount, description, expires);

select intent_pending(id, '{"url": "https://pay.example"}') from intents where reference in ('demo-2', 'demo-3', 'demo-4', 'demo-5');
select payment_apply('momo', number, 'paid', 'callback', amount, 'demo' || right(number, 2))
  from intents where reference in ('demo-3', 'demo-4', 'demo-5');
select payment_apply('momo', number, 'failed', 'callback') from intents where reference = 'demo-2';
select refund_request(id, case reference when 'demo-4' then 40000 else amount end, 'Bản trình diễn', 'demo', 'demo')
  from intents where reference in ('demo-4', 'demo-5');
select refund_finish(id, 'done', 'demo') from refunds_due(2, 60);
select intent_expire(id) from intents where reference = 'demo-6';

-- Monthly passes and their prices, for looking at: the prices are unverified.
-- Run with the plugin's search_path, once.
insert into pass_products values
    ('route', '{"vi": "Vé tháng một tuyến", "en": "Monthly pass, one route"}', 'route'),
    ('network', '{"vi": "Vé tháng liên tuyến", "en": "Monthly pass, all routes"}', 'network')
on conflict do nothing;

insert into pass_prices values
    ('route', '2024-01-01', 100000),
    ('network', '2024-01-01', 200000)
on conflict do nothing;

-- Office hours, public holidays and swap days 2024 to 2026, and what of 2027 the
-- Labour Code says however its days are announced: of Tết, Saturday 6 February,
-- those that are off whether one day or two before it are. A row put right here is put right in the database; a row
-- that an operator added stays.
--
-- verified: fixed by the Labour Code 2019, article 112 (1 January, 30 April,
-- 1 May, 2 September), or, for moving days of past years, as announced and
-- since then observed. Everything else waits for the yearly announcement.

insert into core.calendar_hours (calendar, weekday, opens_at, closes_at)
select 'city', d, h.opens, h.closes
from generate_series(1, 5) d,
     (values ('08:00'::time, '12:00'::time), ('13:00', '17:00')) h (opens, closes)
where not exists (select from core.calendar_hours where calendar = 'city');

insert into core.calendar_days as c
       (calendar, day, hours_of, name_vi, name_en, source, verified)
select 'city', d.day::date, d.hours_of, d.name_vi, d.name_en, d.source, d.verified
from (values
    ('2024-01-01', null::int, 'Tết Dương lịch', 'New Year''s Day', 'Labour Code 2019, art. 112', true),
    ('2024-02-08', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2024-02-09', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2024-02-12', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2024-02-13', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2024-02-14', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2024-04-18', null, 'Giỗ Tổ Hùng Vương', 'Hung Kings'' Day', 'Labour Code 2019, art. 112 (10th of the 3rd lunar month)', true),
    ('2024-04-29', null, 'Nghỉ hoán đổi', 'Day off in exchange', 'yearly announcement', true),
    ('2024-04-30', null, 'Ngày Chiến thắng', 'Reunification Day', 'Labour Code 2019, art. 112', true),
    ('2024-05-01', null, 'Ngày Quốc tế lao động', 'Labour Day', 'Labour Code 2019, art. 112', true),
    ('2024-05-04', 1,    'Làm bù', 'Worked in exchange', 'yearly announcement', true),
    ('2024-09-02', null, 'Quốc khánh', 'National Day', 'Labour Code 2019, art. 112', true),
    ('2024-09-03', null, 'Quốc khánh', 'National Day', 'yearly announcement', true),

    ('2025-01-01', null, 'Tết Dương lịch', 'New Year''s Day', 'Labour Code 2019, art. 112', true),
    ('2025-01-27', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2025-01-28', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2025-01-29', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2025-01-30', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2025-01-31', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', true),
    ('2025-04-07', null, 'Giỗ Tổ Hùng Vương', 'Hung Kings'' Day', 'Labour Code 2019, art. 112 (10th of the 3rd lunar month)', true),
    ('2025-04-26', 5,    'Làm bù', 'Worked in exchange', 'yearly announcement', true),
    ('2025-04-30', null, 'Ngày Chiến thắng', 'Reunification Day', 'Labour Code 2019, art. 112', true),
    ('2025-05-01', null, 'Ngày Quốc tế lao động', 'Labour Day', 'Labour Code 2019, art. 112', true),
    ('2025-05-02', null, 'Nghỉ hoán đổi', 'Day off in exchange', 'yearly announcement', true),
    ('2025-09-01', null, 'Quốc khánh', 'National Day', 'yearly announcement', true),
    ('2025-09-02', null, 'Quốc khánh', 'National Day', 'Labour Code 2019, art. 112', true),

    ('2026-01-01', null, 'Tết Dương lịch', 'New Year''s Day', 'Labour Code 2019, art. 112', true),
    ('2026-01-02', null, 'Nghỉ hoán đổi', 'Day off in exchange', 'yearly announcement', false),
    ('2026-01-10', 5,    'Làm bù', 'Worked in exchange', 'yearly announcement', false),
    ('2026-02-16', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', false),
    ('2026-02-17', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', false),
    ('2026-02-18', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', false),
    ('2026-02-19', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', false),
    ('2026-02-20', null, 'Tết Nguyên đán', 'Lunar New Year', 'yearly announcement', false),
    ('2026-04-27', null, 'Giỗ Tổ Hùng Vương (nghỉ bù)', 'Hung Kings'' Day (in lieu)', 'the 10th of the 3rd lunar month is Sunday 26 April', false),
    ('2026-04-30', null, 'Ngày Chiến thắng', 'Reunification Day', 'Labour Code 2019, art. 112', true),
    ('2026-05-01', null, 'Ngày Quốc tế lao động', 'Labour Day', 'Labour Code 2019, art. 112', true),
    ('2026-08-22', 1,    'Làm bù', 'Worked in exchange', 'yearly announcement', false),
    ('2026-08-31', null, 'Nghỉ hoán đổi', 'Day off in exchange', 'yearly announcement', false),
    ('2026-09-01', null, 'Quốc khánh', 'National Day', 'yearly announcement', false),
    ('2026-09-02', null, 'Quốc khánh', 'National Day', 'Labour Code 2019, art. 112', true),

    ('2027-01-01', null, 'Tết Dương lịch', 'New Year''s Day', 'Labour Code 2019, art. 112', true),
    ('2027-02-05', null, 'Tết Nguyên đán', 'Lunar New Year', 'Labour Code 2019, art. 112', false),
    ('2027-02-08', null, 'Tết Nguyên đán', 'Lunar New Year', 'Labour Code 2019, art. 112', false),
    ('2027-02-09', null, 'Tết Nguyên đán', 'Lunar New Year', 'Labour Code 2019, art. 111, 112', false),
    ('2027-02-10', null, 'Tết Nguyên đán', 'Lunar New Year', 'Labour Code 2019, art. 111, 112', false),
    ('2027-04-16', null, 'Giỗ Tổ Hùng Vương', 'Hung Kings'' Day', 'Labour Code 2019, art. 112 (10th of the 3rd lunar month)', false),
    ('2027-04-30', null, 'Ngày Chiến thắng', 'Reunification Day', 'Labour Code 2019, art. 112', true),
    ('2027-05-03', null, 'Ngày Quốc tế lao động (nghỉ bù)', 'Labour Day (in lieu)', 'Labour Code 2019, art. 111: 1 May is a Saturday', false),
    ('2027-09-02', null, 'Quốc khánh', 'National Day', 'Labour Code 2019, art. 112', true)
) d (day, hours_of, name_vi, name_en, source, verified)
on conflict (calendar, day) do update
set hours_of = excluded.hours_of, name_vi = excluded.name_vi,
    name_en = excluded.name_en, source = excluded.source,
    verified = excluded.verified
where (c.hours_of, c.name_vi, c.name_en, c.source, c.verified)
      is distinct from (excluded.hours_of, excluded.name_vi, excluded.name_en,
                        excluded.source, excluded.verified);

-- Legal time limits. A new rule is a new row with its date, and an end on the
-- one before; this adds what is missing and changes nothing that stands.
insert into core.time_limits (code, amount, measure, valid_from, source, verified)
values
    ('receive', 8, 'working_hours', '2024-01-01',
     'QĐ 1207/QĐ-UBND of 28/2/2025: receipt, verification included, within 8 working hours', true),
    ('handle.urgent', 4, 'working_hours', '2024-01-01',
     'QĐ 1207/QĐ-UBND of 28/2/2025: urgent cases within 4 working hours from receipt', true),
    ('handle.normal', 5, 'working_days', '2024-01-01',
     'days of QĐ 1207 unknown to us; as Hồ Chí Minh City''s 1022', false),
    ('handle.complex', 10, 'working_days', '2024-01-01',
     'days of QĐ 1207 unknown to us', false)
on conflict do nothing;

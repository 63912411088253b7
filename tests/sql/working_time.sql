-- Working time: office hours, holidays, swap days, Tết, legal limits.
begin;
select plan(34);

-- A calendar of the test's own, so that reference data may change: Monday to
-- Friday, 8 to 12 and 13 to 17.
insert into core.calendars (code, name_vi, name_en) values ('t', 't', 't');
insert into core.calendar_hours (calendar, weekday, opens_at, closes_at)
select 't', d, h.a, h.b
from generate_series(1, 5) d,
     (values ('08:00'::time, '12:00'::time), ('13:00', '17:00')) h (a, b);

create function pg_temp.add(start text, hours numeric, calendar text default 't')
returns text language sql as $$
    select to_char(working_time_add(calendar, start::timestamp at time zone 'Asia/Ho_Chi_Minh',
                                    make_interval(secs => (hours * 3600)::float8))
                   at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI')
$$;

create function pg_temp.days(start text, n int, calendar text default 't')
returns text language sql as $$
    select to_char(working_days_add(calendar, start::timestamp at time zone 'Asia/Ho_Chi_Minh', n)
                   at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI')
$$;

-- 2025-03-03 is a Monday.
select is(pg_temp.add('2025-03-03 08:00', 8), '2025-03-03 17:00',
    '8 hours from opening are over at closing, not the next morning');
select is(pg_temp.add('2025-03-03 08:00', 4), '2025-03-03 12:00',
    '4 hours from opening are over at noon');
select is(pg_temp.add('2025-03-03 10:30', 4), '2025-03-03 15:30',
    'the break at noon does not count');
select is(pg_temp.add('2025-03-03 14:00', 8), '2025-03-04 14:00',
    'what is left goes on the next day');
select is(pg_temp.add('2025-03-07 16:00', 8), '2025-03-10 16:00',
    'a weekend does not count');
select is(pg_temp.add('2025-03-08 11:00', 8), '2025-03-10 17:00',
    'what comes in on a Saturday starts on Monday');
select is(pg_temp.add('2025-03-03 22:15', 1), '2025-03-04 09:00',
    'what comes in at night starts in the morning');
select is(pg_temp.add('2025-03-03 12:30', 0.5), '2025-03-03 13:30',
    'what comes in during the break starts after it');
select is(pg_temp.add('2025-03-03 17:00', 0.25), '2025-03-04 08:15',
    'closing time is over');
select is(pg_temp.add('2025-03-03 09:00', 0), '2025-03-03 09:00',
    'nothing added is nothing changed');
select is(pg_temp.add('2025-03-03 08:00', 8 * 200), '2025-12-05 17:00',
    'two hundred days are found too');
select throws_like($$select working_time_add('nowhere', now(), '1 hour')$$,
    'no calendar%', 'an unknown calendar is an error');

-- Holidays and a swap day: Friday off, made up for on Saturday, which has the
-- hours of the Friday.
insert into core.calendar_days (calendar, day, hours_of, name_vi, name_en, source, verified)
values ('t', '2025-03-14', null, 'x', 'x', 'x', true),
       ('t', '2025-03-15', 5, 'x', 'x', 'x', true);

select is(pg_temp.add('2025-03-13 16:00', 2), '2025-03-15 09:00',
    'a holiday is skipped, the swap day counts');
select is(pg_temp.days('2025-03-13 09:00', 1), '2025-03-15 17:00',
    'the swap day is the next working day');
select is(pg_temp.days('2025-03-13 09:00', 2), '2025-03-17 17:00',
    'and Monday the one after');

-- Tết 2025 of the reference data: Monday 27 to Friday 31 January.
select is(pg_temp.add('2025-01-24 16:00', 8, 'city'), '2025-02-03 16:00',
    'eight hours span Tết');
select is(pg_temp.days('2025-01-24 16:00', 1, 'city'), '2025-02-03 17:00',
    'one working day spans Tết');
select is(pg_temp.add('2025-04-25 16:30', 8, 'city'), '2025-04-26 16:30',
    'Saturday 26 April 2025 was worked');
select is(pg_temp.add('2025-04-29 16:00', 2, 'city'), '2025-05-05 09:00',
    'for the days off from 30 April to 4 May 2025');

-- 2027, before its days are announced: Tết is about Saturday 6 February.
select ok(pg_temp.days('2027-01-25 09:00', 10, 'city') > '2027-02-11',
    'ten working days do not end in Tết 2027');
select is(pg_temp.days('2027-04-15 09:00', 1, 'city'), '2027-04-19 17:00',
    'nor one on the day of the Hùng kings');

-- Between.
select is(working_time_between('t', '2025-03-03 10:00+07', '2025-03-03 15:00+07'),
    '4 hours', 'time between two moments leaves out the break');
select is(working_time_between('t', '2025-03-07 16:00+07', '2025-03-10 09:00+07'),
    '2 hours', 'and the weekend');
select is(working_time_between('t', '2025-03-10 09:00+07', '2025-03-07 16:00+07'),
    '0', 'and is nothing backwards');
select is(working_time_between('t', '2025-03-03 10:00+07', '2025-03-03 09:00+07'),
    '0', 'on the same morning neither');

-- Days: the day of receipt is day zero.
select is(pg_temp.days('2025-03-03 08:00', 5), '2025-03-10 17:00',
    'five working days end at closing on the fifth');
select is(pg_temp.days('2025-03-08 08:00', 1), '2025-03-10 17:00',
    'a Saturday is day zero too');
select is((calendar_days_add('t', '2025-03-03 08:00+07', 5) at time zone 'Asia/Ho_Chi_Minh')::text,
    '2025-03-10 17:00:00', 'calendar days that end on a Saturday roll to Monday');
select is((calendar_days_add('t', '2025-03-03 08:00+07', 4) at time zone 'Asia/Ho_Chi_Minh')::text,
    '2025-03-07 17:00:00', 'calendar days that end on a Friday end there');

-- A calendar takes from its parent what it does not say.
insert into core.calendars (code, parent, name_vi, name_en) values ('shift', 't', 's', 's');
insert into core.calendar_hours (calendar, weekday, opens_at, closes_at)
values ('shift', 6, '07:00', '11:00'), ('shift', 1, '00:00', '00:00');
select is(pg_temp.add('2025-03-07 16:00', 3, 'shift'), '2025-03-08 09:00',
    'own Saturday hours, the parent''s Friday');
select is(pg_temp.add('2025-03-08 10:00', 2, 'shift'), '2025-03-11 09:00',
    'an own closed Monday beats the parent''s');

-- Legal limits, by unit and date.
insert into core.unit_calendars (unit, calendar, valid_from)
select id, 'shift', '2025-03-01' from core.units where code = 'SXD';
update core.time_limits set valid_to = '2025-03-05' where code = 'receive';
insert into core.time_limits (code, amount, measure, valid_from, source, verified)
values ('receive', 2, 'working_hours', '2025-03-06', 'test', false);
select is(time_limit_due('receive', (select id from core.units where code = 'SGTVT'), '2025-03-05 08:00+07'),
    '2025-03-05 17:00+07', 'the limit of the day it started holds');
select is(time_limit_due('receive', (select id from core.units where code = 'SXD'), '2025-03-07 16:00+07'),
    '2025-03-08 08:00+07', 'a new limit, in the unit''s own calendar');

-- Of the special days those of the asked days are read, however many there are.
create function pg_temp.plan_of(call text) returns text language plpgsql as $$
declare
    line  text;
    plan  text := '';
begin
    set local enable_seqscan = off;
    for line in execute 'explain (costs off) select * from ' || call loop
        plan := plan || line;
    end loop;
    return plan;
end
$$;
select matches(pg_temp.plan_of($$working_intervals('t', '2025-03-03', '2025-03-04')$$),
    'calendar_days\M.*Index Cond: .*\mday >= ''2025-03-03''.*\mday <= ''2025-03-04''',
    'special days are found by their date');

select * from finish();
rollback;

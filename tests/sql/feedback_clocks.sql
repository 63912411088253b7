-- The clocks of a case: working time, pauses, transfers, time-outs.
-- Monday 1 June 2026; office hours 8 to 12 and 13 to 17 (UTC+7).
begin;
select plan(54);
\ir lib/feedback.psql

create function pg_temp.c(id uuid) returns feedback.cases language sql as
    $$select c from feedback.cases c where c.id = $1$$;
create temp table t (name text primary key, id uuid);
create function pg_temp.t(name text) returns uuid language sql as $$select t.id from t where t.name = $1$$;

-- Receipt: 8 working hours.
insert into t values ('a', pg_temp.file());
select is((pg_temp.c(pg_temp.t('a'))).due_at, '2026-06-02 09:00+07', 'receipt is due after 8 working hours');
select is((pg_temp.c(pg_temp.t('a'))).unit_due_at, '2026-06-02 09:00+07', 'for the unit too');
select pg_temp.clock('2026-06-05 20:00+07');
insert into t values ('night', pg_temp.file());
select is((pg_temp.c(pg_temp.t('night'))).due_at, '2026-06-08 17:00+07',
    'a case filed on Friday night is due on Monday evening');
select pg_temp.clock('2026-06-01 09:00+07');

-- Handling: by severity, from acceptance.
select pg_temp.clock('2026-06-01 10:00+07');
select pg_temp.act('hk', pg_temp.t('a'), 'accept', '{"severity": "urgent"}');
select is((pg_temp.c(pg_temp.t('a'))).due_at, '2026-06-01 15:00+07', 'urgent: 4 working hours from receipt');
select is((pg_temp.c(pg_temp.t('a'))).due_original_at, '2026-06-01 15:00+07', 'which is the original deadline');
select is((pg_temp.c(pg_temp.t('a'))).receive_due_at, '2026-06-02 09:00+07', 'the deadline of receipt is kept');
insert into t values ('b', pg_temp.file());
select pg_temp.act('hk', pg_temp.t('b'), 'accept', '{"severity": "normal"}');
select is((pg_temp.c(pg_temp.t('b'))).due_at, '2026-06-08 17:00+07', 'normal: five working days, Monday is day zero');
insert into t values ('x', pg_temp.file());
select pg_temp.act('hk', pg_temp.t('x'), 'accept', '{"severity": "complex"}');
select is((pg_temp.c(pg_temp.t('x'))).due_at, '2026-06-15 17:00+07', 'complex: ten');

-- A limit that changes is data with a date.
update core.time_limits set valid_to = '2026-06-30' where code = 'handle.normal';
insert into core.time_limits (code, amount, measure, valid_from, source, verified)
values ('handle.normal', 2, 'working_days', '2026-07-01', 'test', false);
select pg_temp.clock('2026-07-01 10:00+07');
insert into t values ('july', pg_temp.file());
select pg_temp.act('hk', pg_temp.t('july'), 'accept');
select is((pg_temp.c(pg_temp.t('july'))).due_at, '2026-07-03 17:00+07', 'a new limit holds from its day');
select pg_temp.clock('2026-06-01 10:00+07');

-- Pause: asked at 11:00 with 3 working hours left, answered on Wednesday 9:00.
select pg_temp.clock('2026-06-01 11:00+07');
select pg_temp.act('hk', pg_temp.t('a'), 'ask');
select is((pg_temp.c(pg_temp.t('a'))).paused_at, '2026-06-01 11:00+07', 'a question pauses the clock');
select pg_temp.clock('2026-06-02 16:00+07');
select ok(not feedback_overdue(pg_temp.c(pg_temp.t('a'))), 'a paused case is not overdue');
select pg_temp.clock('2026-06-03 09:00+07');
select is(pg_temp.act('an', pg_temp.t('a'), 'info'), 'accepted', 'the answer puts it back where it was');
select is((pg_temp.c(pg_temp.t('a'))).due_at, '2026-06-03 12:00+07', 'with as much working time left as there was');
select is((pg_temp.c(pg_temp.t('a'))).paused_at, null, 'and the clock goes on');
select is((pg_temp.c(pg_temp.t('a'))).due_original_at, '2026-06-01 15:00+07', 'the original deadline stays');
select pg_temp.clock('2026-06-03 12:00:01+07');
select ok(feedback_overdue(pg_temp.c(pg_temp.t('a'))), 'then it is overdue');
select matches(feedback_etag(pg_temp.c(pg_temp.t('a'))), '-o$', 'which its tag shows');

-- A pause after the deadline gives no time back.
select pg_temp.act('hk', pg_temp.t('a'), 'ask');
select pg_temp.clock('2026-06-04 09:00+07');
select ok(feedback_overdue(pg_temp.c(pg_temp.t('a'))), 'overdue before the question is overdue in the pause');
select pg_temp.act('an', pg_temp.t('a'), 'info');
select is((pg_temp.c(pg_temp.t('a'))).due_at, '2026-06-03 12:00+07', 'and after it');

-- Before receipt it is the clock of receipt that pauses.
select pg_temp.clock('2026-06-01 09:00+07');
insert into t values ('asked', pg_temp.file());
select pg_temp.act('hk', pg_temp.t('asked'), 'ask');
select pg_temp.clock('2026-06-01 11:00+07');
select pg_temp.act('an', pg_temp.t('asked'), 'info');
select is((pg_temp.c(pg_temp.t('asked'))).receive_due_at, '2026-06-02 11:00+07',
    'receipt is due as much later');

-- The longest pause: five days without an answer.
select pg_temp.clock('2026-06-01 11:00+07');
select pg_temp.act('hk', pg_temp.t('b'), 'ask');
select pg_temp.clock('2026-06-06 10:59+07');
select jobs_run('test');
select is(pg_temp.state(pg_temp.t('b')), 'needs_info', 'a question waits for five days');
select pg_temp.clock('2026-06-06 11:01+07');
select jobs_run('test');
select is(pg_temp.state(pg_temp.t('b')), 'accepted', 'then the job runner takes the case on');
select is((select e.actor is null and e.role = 'system' from core.audit_events e
    where e.chain = pg_temp.t('b') order by e.seq desc limit 1), true, 'as the system');
select cmp_ok((pg_temp.c(pg_temp.t('b'))).due_at, '>', '2026-06-12 17:00+07', 'the time that it waited is not the unit''s');
select jobs_run('test');
select is((pg_temp.c(pg_temp.t('b'))).version, 4::bigint, 'once');

-- Transfer: the citizen's clock goes on, the unit's starts anew.
select pg_temp.clock('2026-06-01 10:00+07');
insert into t values ('m', pg_temp.file());
select pg_temp.act('hk', pg_temp.t('m'), 'accept');
select pg_temp.clock('2026-06-03 10:00+07');
select pg_temp.act('hk', pg_temp.t('m'), 'transfer');
select is((pg_temp.c(pg_temp.t('m'))).due_at, '2026-06-08 17:00+07', 'a transfer does not move the citizen''s deadline');
select is((pg_temp.c(pg_temp.t('m'))).unit_due_at, '2026-06-04 10:00+07', 'the new unit has 8 working hours to receive');
select pg_temp.clock('2026-06-04 09:00+07');
select pg_temp.act('bd', pg_temp.t('m'), 'accept');
select is((pg_temp.c(pg_temp.t('m'))).due_at, '2026-06-08 17:00+07', 'nor does the new unit''s acceptance');
select is((pg_temp.c(pg_temp.t('m'))).unit_due_at, '2026-06-11 17:00+07', 'its own handling time starts');
select is((pg_temp.c(pg_temp.t('m'))).accepted_at, '2026-06-01 10:00+07', 'the case was accepted the first time');

-- A severity corrected counts from the first acceptance.
select pg_temp.act('bd', pg_temp.t('m'), 'change', '{"severity": "complex"}');
select is((pg_temp.c(pg_temp.t('m'))).due_at, '2026-06-15 17:00+07', 'another severity moves the deadline');
select is((pg_temp.c(pg_temp.t('m'))).due_original_at, '2026-06-08 17:00+07', 'and keeps the first');

-- Extension.
select pg_temp.grant('bd_boss', '00004', 'approve');
select is(pg_temp.act('bd_boss', pg_temp.t('m'), 'extend', '{"due_at": "2026-06-10T17:00:00+07:00"}'), 'date-passed',
    'an extension makes it later');
select pg_temp.act('bd_boss', pg_temp.t('m'), 'extend', '{"due_at": "2026-06-20T17:00:00+07:00"}');
select is((pg_temp.c(pg_temp.t('m'))).due_at, '2026-06-20 17:00+07', 'the approver extends');
select pg_temp.act('bd_boss', pg_temp.t('m'), 'extend', '{"due_at": "2026-06-22T17:00:00+07:00"}');
select is(pg_temp.act('bd_boss', pg_temp.t('m'), 'extend', '{"due_at": "2026-06-25T17:00:00+07:00"}'), 'extensions-used',
    'twice at most');

-- A severity that is corrected takes no extension back.
select pg_temp.act('bd', pg_temp.t('m'), 'change', '{"severity": "urgent"}');
select is((pg_temp.c(pg_temp.t('m'))).due_at, '2026-06-22 17:00+07',
    'an extension outlasts another severity');
select pg_temp.clock('2026-06-01 10:00+07');
insert into t values ('e', pg_temp.case_in('accepted'));
select pg_temp.act('hk_boss', pg_temp.t('e'), 'extend', '{"due_at": "2026-06-20T17:00:00+07:00"}');
select pg_temp.act('hk', pg_temp.t('e'), 'transfer');
select pg_temp.act('bd', pg_temp.t('e'), 'accept', '{"severity": "complex"}');
select is((pg_temp.c(pg_temp.t('e'))).due_at, '2026-06-20 17:00+07', 'nor with a transfer');
select pg_temp.clock('2026-06-12 09:00+07');
select pg_temp.act('bd', pg_temp.t('e'), 'ask');
select pg_temp.clock('2026-06-12 11:00+07');
select pg_temp.act('an', pg_temp.t('e'), 'info');
select pg_temp.act('bd', pg_temp.t('e'), 'change', '{"severity": "urgent"}');
select is((pg_temp.c(pg_temp.t('e'))).due_at, '2026-06-22 10:00+07',
    'and the time of a question is kept');
select pg_temp.clock('2026-06-01 10:00+07');
insert into t values ('back', pg_temp.case_in('accepted'));
select pg_temp.act('hk_boss', pg_temp.t('back'), 'extend', '{"due_at": "2026-06-10T17:00:00+07:00"}');
select pg_temp.act('hk', pg_temp.t('back'), 'change', '{"severity": "complex"}');
select is((pg_temp.c(pg_temp.t('back'))).due_at, '2026-06-15 17:00+07', 'one that gives more time does');
select pg_temp.act('hk', pg_temp.t('back'), 'change', '{"severity": "normal"}');
select is((pg_temp.c(pg_temp.t('back'))).due_at, '2026-06-10 17:00+07',
    'and when it was a mistake, the extension is still there');
select pg_temp.clock('2026-06-11 09:00+07');
select pg_temp.act('hk', pg_temp.t('back'), 'ask');
select pg_temp.clock('2026-06-15 09:00+07');
select pg_temp.act('an', pg_temp.t('back'), 'info');
select pg_temp.act('hk', pg_temp.t('back'), 'change', '{"severity": "urgent"}');
select is((pg_temp.c(pg_temp.t('back'))).due_at, '2026-06-10 17:00+07',
    'also after a question that came too late');

-- Nor does it make the unit's own time shorter.
select pg_temp.clock('2026-06-01 10:00+07');
insert into t values ('u', pg_temp.case_in('transferred'));
select pg_temp.clock('2026-06-04 09:00+07');
select pg_temp.act('bd', pg_temp.t('u'), 'accept');
select pg_temp.act('bd', pg_temp.t('u'), 'change', '{"severity": "complex"}');
select is((pg_temp.c(pg_temp.t('u'))).unit_due_at, '2026-06-18 17:00+07',
    'another severity is counted from when the unit accepted');
select pg_temp.act('bd', pg_temp.t('u'), 'ask');
select pg_temp.clock('2026-06-04 11:00+07');
select pg_temp.act('an', pg_temp.t('u'), 'info');
select pg_temp.act('bd', pg_temp.t('u'), 'change', '{"severity": "normal"}');
select is((pg_temp.c(pg_temp.t('u'))).unit_due_at, '2026-06-12 10:00+07',
    'and later by the time of a question');
select pg_temp.act('bd_boss', pg_temp.t('u'), 'extend', '{"due_at": "2026-06-10T17:00:00+07:00"}');
select is((pg_temp.c(pg_temp.t('u'))).unit_due_at, '2026-06-12 10:00+07',
    'an extension takes no time from a unit that was given more');
select pg_temp.clock('2026-06-01 10:00+07');
insert into t values ('day', pg_temp.case_in('transferred'));
select pg_temp.clock('2026-06-01 14:00+07');
select pg_temp.act('bd', pg_temp.t('day'), 'accept');
select is((pg_temp.c(pg_temp.t('day'))).unit_due_at, (pg_temp.c(pg_temp.t('day'))).due_at,
    'accepted on the same day, both are due on one');
select pg_temp.act('bd', pg_temp.t('day'), 'change', '{"severity": "urgent"}');
select is((pg_temp.c(pg_temp.t('day'))).due_at, '2026-06-01 15:00+07', 'urgent: 4 hours from the first acceptance');
select is((pg_temp.c(pg_temp.t('day'))).unit_due_at, '2026-06-02 09:00+07', 'for the unit from its own');

-- Silence closes; reopening starts a new clock.
select pg_temp.clock('2026-06-01 10:00+07');
insert into t values ('s', pg_temp.case_in('resolved'));
select pg_temp.clock('2026-06-05 10:00+07');
select jobs_run('test');
select is(pg_temp.state(pg_temp.t('s')), 'resolved', 'a result waits for its confirmation');
select pg_temp.clock('2026-06-06 10:01+07');
select jobs_run('test');
select is(pg_temp.state(pg_temp.t('s')), 'closed', 'after five days of silence the case closes');
select pg_temp.clock('2026-06-08 10:00+07');
select pg_temp.act('an', pg_temp.t('s'), 'reopen');
select is((pg_temp.c(pg_temp.t('s'))).due_at, '2026-06-15 17:00+07', 'reopening starts a new handling clock');
select is((pg_temp.c(pg_temp.t('s'))).due_original_at, '2026-06-08 17:00+07', 'the original deadline is for statistics');
insert into t values ('early', pg_temp.case_in('resolved'));
select pg_temp.act('an', pg_temp.t('early'), 'confirm');
select pg_temp.clock('2026-06-20 10:00+07');
select is((select sum(j.failed)::int from jobs_run('test') j), 0, 'a time-out that is not needed any more does nothing');
select is(pg_temp.state(pg_temp.t('early')), 'closed', 'to the case');
select ok(not feedback_overdue(pg_temp.c(pg_temp.t('early'))), 'what is closed is not overdue');

select * from finish();
rollback;

-- Jobs: one leased runner, own subtransactions, retries, dead ones, partitions.
begin;
select plan(48);
set local client_min_messages = error;    -- failing jobs warn

delete from core.jobs;
delete from core.leases;

-- Two kinds of work for the test, where the release's functions are.
do $$ begin
    execute format('create function %I.job_test_good(args jsonb) returns void language sql as %L',
        current_schema(), 'insert into core.settings (name, value, note) values (args ->> ''name'', ''1'', ''test'')');
    execute format('create function %I.job_test_bad(args jsonb) returns void language plpgsql as %L',
        current_schema(), 'begin insert into core.settings (name, value, note) values (''half'', ''1'', ''test''); perform 1 / 0; end');
end $$;

create function pg_temp.later(by interval) returns void language sql as
    $$select set_config('core.clock_offset', (coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval + by)::text, true)$$;

select job_put('test_good', 'a', core.now(), '{"name": "one"}');
select job_put('test_bad', 'b', core.now());
select job_put('test_good', 'c', core.now() + interval '1 hour', '{"name": "two"}');

select results_eq($$select * from jobs_run('me')$$, $$values (true, 2, 1, 0)$$,
    'what is due is run');
select is(setting('one'), '1', 'the good one did its work');
select is(setting('half'), null, 'the bad one left nothing half done');
select is(setting('two'), null, 'the later one waits');
select is((select state || attempts from core.jobs where key = 'b'), 'due1', 'the bad one is tried again');
select is((select run_at - core.now() from core.jobs where key = 'b'), '2 seconds', 'after two seconds');
select alike((select last_error from core.jobs where key = 'b'), '22012 %', 'and says why it failed');
select is((select state from core.jobs where key = 'a'), 'done', 'the good one is done');

select results_eq($$select * from jobs_run('you')$$, $$values (false, 0, 0, 0)$$,
    'another gateway does not run while the lease stands');
update core.leases set until = clock_timestamp() - interval '1 second';
select is((select held from jobs_run('you')), true, 'and takes over when it has run out');
select is((select held from jobs_run('me')), false, 'from then on the first one waits');

-- Retries double their wait, up to a last one.
select pg_temp.later('2 seconds');
select is((select failed from jobs_run('you')), 1, 'the second try comes');
select is((select run_at - core.now() from core.jobs where key = 'b'), '4 seconds', 'the third after four seconds more');
update core.jobs set attempts = 9, run_at = core.now() where key = 'b';
select is((select dead from jobs_run('you')), 1, 'after the last try it is dead');
select is((select state from core.jobs where key = 'b'), 'dead', 'and stays, to be looked at');

-- One job a key; moved, not doubled.
select job_put('test_good', 'c', core.now() + interval '2 hours', '{"name": "three"}');
select is((select count(*)::int from core.jobs where key = 'c'), 1, 'a job is scheduled once');
select is((select args ->> 'name' from core.jobs where key = 'c'), 'three', 'and moved');
select ok(job_cancel('test_good', 'c'), 'it can be cancelled');
select ok(not job_cancel('test_good', 'c'), 'once');
select pg_temp.later('3 hours');
select is((select ran from jobs_run('you')), 0, 'and does not run then');

-- Recurring.
insert into core.jobs (kind, key, args, run_at, every)
values ('test_good', 'r', '{"name": "four"}', core.now() - interval '25 minutes', '10 minutes');
select is((select ran from jobs_run('you')), 1, 'missed turns are not made up for');
select is((select state || (run_at > core.now()) || (run_at <= core.now() + interval '10 minutes') from core.jobs where key = 'r'),
    'duetruetrue', 'the next turn is ahead');
insert into core.jobs (kind, key, run_at, every, attempts)
values ('test_bad', 's', core.now(), '10 minutes', 9);
select jobs_run('you');
select is((select state || attempts from core.jobs where key = 's'), 'due0', 'a recurring one never dies');

-- A job that locks tables is alone in its transaction, which is the call's.
select job_put('test_good', 'd', core.now(), '{"name": "five"}');
select job_put('test_good', 'e', core.now() + interval '1 second', '{"name": "six"}');
update core.jobs set alone = true where key = 'e';
select pg_temp.later('2 seconds');
select is((select ran from jobs_run('you')), 1, 'a job that must be alone waits for the next call');
select job_put('test_good', 'f', core.now(), '{"name": "seven"}');
select is((select ran from jobs_run('you')), 1, 'and then runs alone');
select is(setting('six')::text || (setting('seven') is null), '1true', 'what comes after it waits too');

-- One that takes longer than the call may is one that failed: it holds up nobody.
do $$ begin
    execute format('create function %I.job_test_slow(args jsonb) returns void language sql as %L',
        current_schema(), 'select pg_sleep(60)');
end $$;
select job_put('test_slow', 'g', core.now() - interval '1 second');
select job_put('test_good', 'h', core.now(), '{"name": "eight"}');
set local statement_timeout = '200ms';
select jobs_run('you');
set local statement_timeout = 0;
select is((select state || attempts || left(last_error, 5) from core.jobs where key = 'g'), 'due157014',
    'a job that is cancelled has failed');
select is((select state from core.jobs where key = 'h'), 'done', 'and the next one is run');

-- A database without room is nobody's failure, for as long as it has none.
do $$ begin
    execute format('create function %I.job_test_full(args jsonb) returns void language plpgsql as %L',
        current_schema(), 'begin raise exception using errcode = args ->> ''full''; end');
end $$;
select job_put('test_full', 'i', core.now() - interval '2 seconds', '{"full": "53100"}');
select job_put('test_full', 'j', core.now() - interval '1 second', '{"full": "58030"}');
select job_put('test_good', 'k', core.now(), '{"name": "nine"}');
update core.jobs set attempts = 9 where key = 'i';
select results_eq($$select * from jobs_run('you')$$, $$values (true, 2, 1, 0)$$,
    'no room for a job: the others of its kind are not tried');
select is(setting('nine')::text, '1', 'those of another kind are');
select is((select state || attempts || last_error || (run_at - core.now()) from core.jobs where key = 'i'),
    'due953100 53100' || interval '10 seconds', 'it was no attempt, and is made again soon');
select results_eq($$select * from jobs_run('you')$$, $$values (true, 1, 1, 0)$$, 'the next call tries one of them');
select is_empty($$select from core.jobs where key in ('i', 'j') and run_at <= core.now()$$, 'nor does one hold up others');
update core.jobs set state = 'cancelled' where key = 'j';
update core.jobs set run_at = core.now(), args = '{"full": "23514"}' where key = 'i';
select jobs_run('you');
select is((select state from core.jobs where key = 'i'), 'dead', 'a mistake is one');

-- Expiry.
select token_deny('i', 'jti', 'old', null, core.now() - interval '25 hours', '');
select token_deny('i', 'jti', 'new', null, core.now() - interval '23 hours', '');
update core.jobs set ended_at = core.now() - interval '8 days' where key = 'a';
select job_expire('{}');
select is_empty($$select from core.jobs where key = 'a'$$, 'finished jobs go after a week');
select results_eq($$select value from core.denied_tokens$$, $$values ('new')$$, 'denials go a day after their end');

-- Partitions, from the day on that it is: what went before may have passed midnight.
select set_config('core.clock_offset', '0', true);
select core.partitions_ensure();
select ok(to_regclass('core.outbox_' || to_char(now() + interval '2 months', 'YYYY_MM')) is not null,
    'partitions are made ahead');
select ok(to_regclass('core.idempotency_keys_' || to_char(core.now() + interval '2 days', 'YYYY_MM_DD')) is not null,
    'keys, which hold answers, have a partition a day');
select is(core.partitions_ensure(), '{}', 'what is there is not made again');
select pg_temp.later('1 day');
select ok(to_regclass('core.idempotency_keys_' || to_char(now(), 'YYYY_MM_DD')) is not null
          and core.partitions_ensure()::text !~ ('keys_' || to_char(now(), 'YYYY_MM_DD') || ': dropped'),
    'yesterday''s keys may still be asked for');
select pg_temp.later('25 hours');
select ok(core.partitions_ensure()::text ~ ('keys_' || to_char(now(), 'YYYY_MM_DD') || ': dropped'),
    'and are gone on the day after');
select pg_temp.later('2 months');
select outbox_append('test', 'test', core.uuid_of('x'), '{}');
select is((select tableoid::regclass::text from core.outbox where topic = 'test'),
    'core.outbox_' || to_char(core.now(), 'YYYY_MM'), 'a row goes to its month');
select pg_temp.later('5 years');
select outbox_append('test', 'late', core.uuid_of('x'), '{}');
select is((select tableoid::regclass::text from core.outbox where event = 'late'), 'core.outbox_default',
    'a month that nobody made costs no insert');
select ok(exists (select from unnest(core.partitions_ensure()) d where d like 'outbox_%default%'),
    'such a month stays in the default partition');
select ok(to_regclass('core.outbox_' || to_char(now(), 'YYYY_MM')) is null, 'months past keeping are dropped');
select ok(to_regclass('core.audit_events_' || to_char(now(), 'YYYY_MM')) is not null, 'the audit is kept for ever');
select ok(to_regclass('core.audit_events_' || to_char(core.now() + interval '1 month', 'YYYY_MM')) is not null,
    'and the new months are there');

insert into core.idempotency_keys (digest, at, hash, status)
values ('\x00', core.now() - interval '3 days', 'h', 200);
select core.partitions_ensure();
select is_empty($$select from core.idempotency_keys where digest = '\x00'$$, 'nor is the default partition kept longer');

select * from finish();
rollback;

-- Jobs of plugins: who runs what when, and what becomes of runs that nobody
-- made or whose end nobody reported.
begin;
select plan(43);

create function pg_temp.later(by interval) returns void language sql as
    $$select set_config('core.clock_offset', (coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval + by)::text, true)$$;

-- What a gateway asks whose jobs are due every hour.
create function pg_temp.asked(gateway text, "all" boolean default false,
    jobs text[] default '{once,skip}', more jsonb default '{}')
returns jsonb language sql as $$
    select jsonb_build_object('gateway', gateway, 'all', "all", 'jobs', jsonb_agg(
        jsonb_build_object('plugin', 'probe', 'job', j, 'version', '1.0.0',
            'cron', '0 * * * *', 'missed', coalesce(nullif(j, 'other'), 'once'),
            'hold', false, 'lease', 30,
            'next', extract(epoch from date_trunc('hour', core.now()) + interval '1 hour')::bigint)
        || more))
    from unnest(jobs) j
$$;

create function pg_temp.take(gateway text, "all" boolean default false,
    jobs text[] default '{once,skip}', more jsonb default '{}')
returns table (job text, run uuid, due bigint, late boolean, success bigint) language sql as $$
    select t.job, t.run, t.due, t.late, t.success
    from plugin_jobs_take(pg_temp.asked(gateway, "all", jobs, more)) t
    where t.plugin = 'probe'
$$;

create function pg_temp.end(job text, outcome text, error text default null)
returns boolean language sql as $$
    select plugin_job_end('probe', p.job, p.run, "end".outcome, "end".error)
    from core.plugin_jobs p where p.job = "end".job
$$;

create function pg_temp.row(job text, what text) returns text language plpgsql as $$
declare said text;
begin
    execute format('select (%s)::text from core.plugin_jobs where job = %L', what, job) into said;
    return said;
end $$;

select results_eq($$select now, plugin from plugin_jobs_take('{"gateway": "a:1", "all": false, "jobs": []}')$$,
    $$select floor(extract(epoch from core.now()))::bigint, null::text$$, 'who has no jobs learns what time it is');
select is_empty($$select pg_temp.take('a:1')$$, 'a job that is new waits for its time');
select is(pg_temp.row('once', $$next_at = date_trunc('hour', core.now()) + interval '1 hour'$$), 'true', 'which is kept');

select pg_temp.later(date_trunc('hour', core.now()) + interval '1 hour' - core.now());
select results_eq($$select job, run is not null, late from pg_temp.take('a:1')$$,
    $$values ('once', true, false), ('skip', true, false)$$, 'when it is time they run');
select is(pg_temp.row('once', 'holder'), 'a:1', 'there');
select is(pg_temp.row('once', $$next_at - due_at$$), '01:00:00', 'and next in an hour');
select is_empty($$select pg_temp.take('b:1')$$, 'nowhere else');

select ok(not plugin_job_end('probe', 'once', gen_random_uuid(), 'ok', null), 'another run''s end is not this one''s');
select ok(pg_temp.end('once', 'ok'), 'its own is');
select is(pg_temp.row('once', $$outcome || (success_at = core.now())::text || failures$$), 'oktrue0', 'with its outcome');
select ok(pg_temp.end('skip', 'error', repeat('x', 600)), 'a failure too');
select is(pg_temp.row('skip', $$outcome || length(error) || coalesce(success_at::text, 'never') || failures$$), 'error500never1', 'with what is said of it, shortened');
select ok(not coalesce(pg_temp.end('once', 'ok'), false), 'once');
select results_eq($$select job, success is not null from pg_temp.take('a:1', true)$$,
    $$values ('once', true), ('skip', false)$$, 'whoever asks is told when they last went well');

-- Missed.
select pg_temp.later('1 hour 59 seconds');
select results_eq($$select job, late from pg_temp.take('a:1', jobs => '{skip}')$$, $$values ('skip', false)$$,
    'less than a minute is not late');
select pg_temp.end('skip', 'ok');
select pg_temp.later('1 hour 2 seconds');
select results_eq($$select job, late from pg_temp.take('a:1')$$, $$values ('once', true)$$,
    'what is late is run once or not at all');
select is(pg_temp.row('skip', $$misses::text || (next_at > core.now())::text$$), '1true', 'the other waits for its next turn');
select is(pg_temp.row('once', $$misses::text || (core.now() - due_at > interval '1 hour')$$), '1true', 'and two turns missed are made up for by one');

-- Lost.
select is_empty($$select pg_temp.take('b:1')$$, 'a run that is not over is nobody else''s');
update core.plugin_jobs set until = clock_timestamp() - interval '1 second' where job = 'once';
select results_eq($$select job, late from pg_temp.take('b:1')$$, $$values ('once', true)$$, 'when its lease has ended it is made again');
select is(pg_temp.row('once', 'outcome || losses || failures'), 'lost11', 'as one that was lost');
update core.plugin_jobs set until = clock_timestamp() - interval '1 second' where job = 'once';
select is_empty($$select pg_temp.take('b:1')$$, 'but not a third time');
select pg_temp.later('59 minutes');
select is((select count(*)::int from pg_temp.take('b:1')), 2, 'until its next turn');
select pg_temp.end('once', 'ok');
select is(pg_temp.row('once', 'losses'), '0', 'an end that is reported ends the row of losses');
update core.plugin_jobs set until = clock_timestamp() - interval '1 second' where job = 'skip';
select is_empty($$select pg_temp.take('b:1')$$, 'a lost run is not made again by who skips');

-- Not begun.
select pg_temp.later('1 hour');
select pg_temp.take('a:1');
select pg_temp.end('once', 'closed');
select pg_temp.end('skip', 'busy');
select is_empty($$select pg_temp.take('a:1')$$, 'a run that could not begin is not tried again at once');
select pg_temp.later('10 seconds');
select results_eq($$select job from pg_temp.take('a:1')$$, $$values ('once')$$, 'but a little later, by who makes up for it');
select pg_temp.end('once', 'ok');

-- Held, forgotten, changed.
select pg_temp.later('1 hour');
select is_empty($$select pg_temp.take('a:1', more => '{"hold": true}')$$, 'a gateway where the plugin is disabled does not run it');
select is((select count(*)::int from pg_temp.take('b:1')), 2, 'another does');
update core.plugin_jobs set next_at = core.now();
select is_empty($$select pg_temp.take('b:1')$$, 'one that is due while it still runs waits for itself');
select pg_temp.end(j, 'ok') from unnest('{once,skip}'::text[]) j;
select is_empty($$select pg_temp.take('a:1', more => jsonb_build_object('next', extract(epoch from core.now() - interval '1 second')::bigint))$$,
    'a gateway whose clock is behind, so that it calls that turn its next, does not run it');
select is((select count(*)::int from pg_temp.take('a:1')), 2, 'one whose clock is right does');
select pg_temp.end(j, 'ok') from unnest('{once,skip}'::text[]) j;
-- Two versions with two schedules: one gateway at each time of both, whoever asks first.
create function pg_temp.half() returns jsonb language sql as $$
    select jsonb_build_object('cron', '30 * * * *', 'next', extract(epoch from
        date_trunc('hour', core.now() + interval '30 minutes') + interval '30 minutes')::bigint)
$$;
select pg_temp.take('b:1', more => pg_temp.half());
select is(pg_temp.row('once', $$cron || (next_at = date_trunc('hour', core.now()) + interval '30 minutes')$$), '30 * * * *true', 'another schedule has another time');
select pg_temp.later(date_trunc('hour', core.now()) + interval '30 minutes' - core.now());
select results_eq($$select job from pg_temp.take('a:1') union all select job from pg_temp.take('b:1', more => pg_temp.half())$$,
    $$values ('once'), ('skip')$$, 'the version before does not take it away');
select pg_temp.end(j, 'ok') from unnest('{once,skip}'::text[]) j;
select pg_temp.take('a:1');
select pg_temp.later('30 minutes');
select results_eq($$select job from pg_temp.take('b:1', more => pg_temp.half()) union all select job from pg_temp.take('a:1')$$,
    $$values ('once'), ('skip')$$, 'nor the next one those of the one before');
select pg_temp.end(j, 'ok') from unnest('{once,skip}'::text[]) j;

select pg_temp.take('a:1');
select pg_temp.later('2 hours');
select pg_temp.take('a:1', n > 1, '{once}') from generate_series(1, 2) n;
select is(pg_temp.row('skip', 'true'), 'true', 'a job of another gateway is there when the database was away');
do $$
begin
    for minute in 1 .. 61 loop
        perform pg_temp.later('1 minute');
        perform pg_temp.take('a:1', true, '{once}');
    end loop;
end $$;
select is(pg_temp.row('skip', 'true'), null, 'it is forgotten when no gateway has it for an hour');
select isnt(pg_temp.row('once', 'success_at'), null, 'the others are not');

select results_eq($$select job, running, outcome from plugin_jobs_list()$$, $$values ('once', true, 'ok')$$, 'operators see a list');

-- One that went well and has left something.
select pg_temp.end('once', 'ok', 'again');
select is(pg_temp.row('once', $$concat_ws(' ', outcome, error, failures, next_at <= core.now())$$), 'ok 0 t', 'who has left something has ended well');
select results_eq($$select job, late from pg_temp.take('a:1', jobs => '{once}')$$, $$values ('once', false)$$, 'and is run again at once');
select is(pg_temp.row('once', $$next_at > core.now()$$), 'true', 'and then at its next time');

-- Roles.
set local role ihanoi_control;
select lives_ok($$select * from plugin_jobs_take('{"gateway": "c:1", "all": true, "jobs": []}')$$, 'the control role asks');

select * from finish();
rollback;

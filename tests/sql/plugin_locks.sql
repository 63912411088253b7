-- ihanoi_host.lock(): locks of a plugin's own, and few of them.
begin;
select plan(21);

create role plugin_l1x login;
create role plugin_l2x login;
create role deploy_l1x_0123abcd login;
create role "Somebody else" login;

-- Keys that a role has, as it sees them itself: "number of the role" is left out.
create function pg_temp.keys(who text, calls text default 'select') returns text language plpgsql as $$
declare
    keys  text;
begin
    execute format('set local session authorization %I', who);
    execute calls;
    select string_agg(concat_ws(' ', l.classid::regrole, l.objid, l.objsubid, l.mode), ', ' order by l.mode, l.objid)
      into keys
      from pg_locks l
     where l.pid = pg_backend_pid() and l.locktype = 'advisory'
       and l.classid = who::name::text::regrole;
    reset session authorization;
    return keys;
end
$$;
-- The SQLSTATE of what a role does, in a transaction that is undone.
create function pg_temp.tried(calls text, who text default 'plugin_l1x') returns text language plpgsql as $$
declare
    state  text := '00000';
begin
    begin
        execute format('set local session authorization %I', who);
        execute calls;
        raise exception using errcode = 'P0001';
    exception when others then
        state := case sqlstate when 'P0001' then state else sqlstate end;
    end;

    reset session authorization;
    return state;
end
$$;
create function pg_temp.names(one int, last int) returns text language sql as
    $$select format('select ihanoi_host.lock(''n'' || n) from generate_series(%s, %s) n', one, last)$$;

-- Whose they are.
select is(pg_temp.keys('plugin_l1x', $$select ihanoi_host.lock('a')$$),
    format('plugin_l1x %s 2 ExclusiveLock', hashtext('a')::oid), 'a name is a number beside the role''s');
select is(pg_temp.keys('plugin_l2x', $$select ihanoi_host.lock('a')$$),
    format('plugin_l2x %s 2 ExclusiveLock', hashtext('a')::oid), 'which is another for another role');
select is(pg_temp.keys('plugin_l2x', $$select ihanoi_host.lock('a', shared => true)$$),
    format('plugin_l2x %1$s 2 ExclusiveLock, plugin_l2x %1$s 2 ShareLock', hashtext('a')::oid), 'shared, beside others that share it');
select is_empty($$select 1 from pg_locks l where l.pid = pg_backend_pid() and l.locktype = 'advisory' and l.objsubid <> 2$$,
    'none has a number of 64 bits, as the core''s are');
select is(pg_temp.tried($$select ihanoi_host.lock('a')$$, 'Somebody else'), '00000', 'whoever is no plugin has locks, too');
select is(pg_temp.keys('deploy_l1x_0123abcd', $$select ihanoi_host.lock('b')$$), null, 'a deployment has not its own');
select is(pg_temp.keys('plugin_l1x'), format('plugin_l1x %s 2 ExclusiveLock, plugin_l1x %s 2 ExclusiveLock',
    least(hashtext('a')::oid::bigint, hashtext('b')::oid::bigint), greatest(hashtext('a')::oid::bigint, hashtext('b')::oid::bigint)),
    'but the plugin''s');

-- What is no lock.
select is(pg_temp.tried('select ihanoi_host.lock(null)'), '22004', 'a lock has a name');
select is(pg_temp.tried($$select ihanoi_host.lock('a', null)$$), '22004', 'and is shared or not');
select is(pg_temp.tried('select pg_advisory_xact_lock(1)'), '42501', 'a number is not a plugin''s to take');
select is_empty($$select p.oid::regprocedure from pg_proc p where p.proname ~ 'advisory.*lock' and p.proname !~ 'unlock'
                     and has_function_privilege('plugin_l1x', p.oid, 'execute')$$, 'of whatever kind');

-- How many: two are there.
select is(pg_temp.tried(pg_temp.names(1, 30)), '00000', 'a transaction has 32 names');
select is(pg_temp.tried(pg_temp.names(1, 31)), '54000', 'and no more');
select is(pg_temp.tried(pg_temp.names(1, 30) || ';' || pg_temp.names(1, 30)), '00000', 'one that it has is not another');
select is(pg_temp.tried(pg_temp.names(1, 30), 'plugin_l2x'), '00000', 'another role''s are not its');
select lives_ok(pg_temp.names(1, 100), 'a superuser has no bound');

-- Where calls are counted, not each one looks.
create function pg_temp.most(also text default 'select 1') returns bigint language plpgsql as $$
declare
    n  bigint;
begin
    set local session authorization plugin_l1x;

    for i in 1 .. 1000 loop
        begin
            perform ihanoi_host.lock('m' || i);
        exception when program_limit_exceeded then
            execute also;
        end;
    end loop;

    select count(*) into n from pg_locks l where l.pid = pg_backend_pid() and l.locktype = 'advisory'
                                             and l.classid = 'plugin_l1x'::regrole;
    reset session authorization;
    return n;
end
$$;
savepoint few;
set local track_functions = 'pl';
select is(pg_temp.tried(pg_temp.names(1, 30)), '00000', '32 are had always');
select is(pg_temp.tried(pg_temp.names(1, 46)), '54000', '47 are the most');
select cmp_ok(pg_temp.most(), '<=', 47::bigint, 'also for who goes on after it was refused');
rollback to few;
set local track_functions = 'pl';
select cmp_ok(pg_temp.most($$select ihanoi_host.lock('m1')$$), '<=', 47::bigint, 'or takes what it has, which is never refused');
select is(pg_temp.tried('set track_functions = none'), '42501', 'nor are calls uncounted by the plugin');

select * from finish();
rollback;

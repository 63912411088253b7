-- Least rights: what each role may do to the tables, whatever a function says.
begin;
select plan(40);

insert into core.people (issuer, subject) values ('test', 'somebody');
select outbox_append('test', 'x', core.uuid_of('x'), '{}');
select audit_append(null, null, 'feedback', core.uuid_of('x'), 'x', null, 'system', '{}');
-- The SQLSTATE of a change that a role tries; 00000 when it may.
create function pg_temp.tried(who text, change text) returns text language plpgsql as $$
declare
    state  text := '00000';
begin
    begin
        execute format('set local role %I', who);
        execute change;
    exception when others then
        state := sqlstate;
    end;

    reset role;
    return state;
end
$$;

-- Settings of the roles, read as they are stored.
select is((select rolconfig @> array['default_transaction_read_only=on'] from pg_roles where rolname = 'ihanoi_read'), true,
    'reading is read-only');
select is((select array_agg(rolname::text order by rolname::text) from pg_roles where rolname like 'ihanoi%' and rolconfig @> array['log_error_verbosity=terse']),
    array['ihanoi_control', 'ihanoi_read', 'ihanoi_write'], 'errors are logged tersely');
select is_empty($$select rolname from pg_roles where rolname like 'ihanoi%' and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls)$$,
    'no role is more than a role');
select is((select array_agg(rolname::text order by rolname::text) from pg_roles where rolname like 'ihanoi%' and rolcanlogin),
    array['ihanoi_control', 'ihanoi_read', 'ihanoi_write'], 'the owner does not log in');
select is_empty($$select c.oid::regclass from pg_class c where c.relnamespace in ('core'::regnamespace, 'geo'::regnamespace)
                  and c.relkind in ('r', 'p', 'S') and c.relowner <> 'ihanoi_owner'::regrole$$,
    'the owner owns every table');
select is_empty($$select p.oid::regprocedure from pg_proc p where p.pronamespace = current_schema()::regnamespace and p.prosecdef$$,
    'functions of the release run with the caller''s rights');

-- With the owner's rights, and by whom: what plugins may call are two functions.
select set_eq($$select p.oid::regproc::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                where p.prosecdef and n.nspowner = 'ihanoi_owner'::regrole$$,
    $$values ('core.audit_chain'), ('core.unit_parents_check'), ('core.partitions_ensure'),
             ('core.partitions_ensure_of'), ('ihanoi_host.publish'), ('ihanoi_host.lock')$$,
    'six functions run with the owner''s rights');
select is_empty($$select p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                  where p.prosecdef and n.nspowner = 'ihanoi_owner'::regrole
                    and not coalesce(p.proconfig @> array['search_path=pg_catalog, pg_temp'], false)$$,
    'by a search path that nobody else writes to');
select set_eq($$select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                    where n.nspowner = 'ihanoi_owner'::regrole and has_schema_privilege('public', n.oid, 'usage')
                      and has_function_privilege('public', p.oid, 'execute')$$,
    $$values ('ihanoi_host.publish(text,uuid,jsonb)'), ('ihanoi_host.lock(text,boolean)')$$, 'and two are everybody''s');

-- What the end of a transaction does not end, or no schema has; and locks whose numbers
-- are everybody's.
select is_empty($$select p.oid::regprocedure from pg_proc p
                  where p.pronamespace = 'pg_catalog'::regnamespace
                    and p.proname ~ '^(pg_(try_)?advisory_(xact_)?lock|lo_(creat|from|import))'
                    and has_function_privilege('public', p.oid, 'execute')$$,
    'nobody locks what others may wait for, nor makes large objects');
select is(pg_temp.tried('ihanoi_write', 'select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(1)'), '00000', 'but the core''s writes');
select is(pg_temp.tried('ihanoi_read', 'select pg_advisory_xact_lock(1)'), '42501', '... which its reads do not');

-- No role may delete or truncate anything but what expires, nor change what
-- is append-only: asked of the catalogue, for all tables.
select is_empty($$
    select c.relname from pg_class c
    where c.relnamespace in ('core'::regnamespace, 'geo'::regnamespace, to_regnamespace('feedback'))
      and c.relkind in ('r', 'p')
      and has_table_privilege('ihanoi_write', c.oid, 'delete, truncate')$$,
    'writing deletes nothing');
select is_empty($$
    select c.relname from pg_class c
    where c.relnamespace in ('core'::regnamespace, 'geo'::regnamespace, to_regnamespace('feedback'))
      and c.relkind in ('r', 'p')
      and has_table_privilege('ihanoi_read', c.oid, 'insert, update, delete, truncate')$$,
    'reading changes nothing');
select is_empty($$
    select c.relname from pg_class c
    where c.relnamespace = 'core'::regnamespace and c.relname ~ '^(audit|outbox|idempotency|consents|privacy)'
      and c.relkind in ('r', 'p')
      and (has_table_privilege('ihanoi_control', c.oid, 'update, delete, truncate')
           or has_any_column_privilege('ihanoi_control', c.oid, 'update'))$$,
    'nobody changes audit, outbox, keys or consents');
select set_eq($$
    select c.relname::text from pg_class c
    where c.relnamespace in ('core'::regnamespace, 'geo'::regnamespace, to_regnamespace('feedback'))
      and c.relkind in ('r', 'p')
      and has_table_privilege('ihanoi_control', c.oid, 'delete')$$,
    $$values ('jobs'), ('denied_tokens'), ('key_leases'),
             ('plugin_jobs'), ('plugin_cursors'), ('plugin_deliveries'),
             ('plugin_subscriptions'), ('erasures')$$,
    'the job runner deletes what expires');

select is(pg_temp.tried('ihanoi_read', 'insert into core.people (issuer, subject) values (''a'', ''b'')'), '42501', 'read: no person');
select is(pg_temp.tried('ihanoi_read', 'update core.personal set phone = null'), '42501', 'read: no change of personal data');
select is(pg_temp.tried('ihanoi_read', 'select core.partitions_ensure()'), '42501', 'read: no partitions');
select is(pg_temp.tried('ihanoi_read', 'select nextval(''core.outbox_id'')'), '42501', 'read: no sequence');

select is(pg_temp.tried('ihanoi_read', 'select from core.erasures'), '42501', 'read: nobody who was erased');

select is(pg_temp.tried('ihanoi_write', $$select outbox_append('test', 'y', core.uuid_of('x'), '{}')$$), '00000', 'write: outbox rows');
select is(pg_temp.tried('ihanoi_write', $$select audit_append(null, null, 'feedback', core.uuid_of('x'), 'y', null, 'system', '{}')$$), '00000', 'write: audit events');
select is(pg_temp.tried('ihanoi_write', 'delete from core.audit_events'), '42501', 'write: no event is deleted');
select is(pg_temp.tried('ihanoi_write', 'update core.audit_events set event = ''z'''), '42501', 'write: no event is changed');
select is(pg_temp.tried('ihanoi_write', 'truncate core.audit_events'), '42501', 'write: nor all');
select is(pg_temp.tried('ihanoi_write', 'alter table core.audit_events disable trigger all'), '42501', 'write: no trigger is switched off');
select is(pg_temp.tried('ihanoi_write', 'update core.audit_heads set seq = 0'), '42501', 'write: no head is moved');
select is(pg_temp.tried('ihanoi_write', 'delete from core.people'), '42501', 'write: no person is deleted');
select is(pg_temp.tried('ihanoi_write', 'update core.people set id = gen_random_uuid()'), '42501', 'write: no person becomes another');
select is(pg_temp.tried('ihanoi_write', 'update core.officer_grants set role = ''administer'''), '42501', 'write: no grant becomes another');
select is(pg_temp.tried('ihanoi_write', 'insert into core.units (code, kind, valid_from) values (''x'', ''ward'', ''2026-01-01'')'), '42501', 'write: no units');
select is(pg_temp.tried('ihanoi_write', 'insert into core.denied_tokens (iss, kind, value, forget_at) values (''i'', ''jti'', ''x'', now())'), '42501', 'write: no denials');
select is(pg_temp.tried('ihanoi_write', 'create table core.mine (x int)'), '42501', 'write: no tables');
select is(pg_temp.tried('ihanoi_write', 'create function core.mine() returns int language sql as ''select 1'''), '42501', 'write: no functions');

select is(pg_temp.tried('ihanoi_control', $$select token_deny('i', 'jti', 'x', null, core.now(), 'test')$$), '00000', 'control: denials');
select is(pg_temp.tried('ihanoi_control', $$select * from jobs_run('rights')$$), '00000', 'control: jobs');

-- The clock: this database's may be set, production's may not.
select is(pg_temp.tried('ihanoi_write', 'call core.clock_shifts(true)'), '42501', 'write: the clock is left alone');
set local core.clock_offset = '1 hour';
select is(core.now() - transaction_timestamp(), '1 hour', 'a test''s clock is what it sets');
call core.clock_shifts(false);
select is(core.now(), transaction_timestamp(), 'else nobody''s setting changes what time it is');

select * from finish();
rollback;

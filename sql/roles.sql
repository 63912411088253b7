-- Roles of the gateway, and what only a superuser may do in its database.
--
-- Run by a superuser, in the gateway's database, before the migrations; may be
-- run again at any time: the settings below are put back to what stands here.
--
--   ihanoi_owner    owns everything, logs in nowhere; migrations run as it
--   ihanoi_read     every GET: may select, in read-only transactions
--   ihanoi_write    everything else: what read may, and least rights on tables;
--                   it may not delete, nor change what is append-only
--   ihanoi_control  the gateway's own connection: jobs (which act as write
--                   does), denied tokens, catalogue, removal of what expired
--   ihanoi_plugin_deploy   has no rights and logs in nowhere: the roles that a
--                   deployment of a plugin logs in as are members of it, so that
--                   pg_hba.conf can name them all (+ihanoi_plugin_deploy)
--
-- Passwords are not set here: development has a private socket, production
-- sets them (or certificates, or peer) itself.

\ir role_settings.sql

do $$
declare
    r text;
begin
    -- Roles belong to the cluster, and two databases may be set up at once:
    -- an advisory lock would be the database's only.
    lock table pg_catalog.pg_authid in share row exclusive mode;

    if not exists (select from pg_roles where rolname = 'ihanoi_owner') then
        create role ihanoi_owner nologin;
    end if;

    -- A gateway with W workers takes W × the sum of its pools, twice while a
    -- reload lets the old workers finish: the limits bound what a
    -- misconfigured gateway can take from the others. How many gateways there
    -- are only the operator knows: what they set is left alone.
    if not exists (select from pg_roles where rolname = 'ihanoi_read') then
        create role ihanoi_read login connection limit 200;
    end if;

    if not exists (select from pg_roles where rolname = 'ihanoi_write') then
        create role ihanoi_write login connection limit 200;
    end if;

    if not exists (select from pg_roles where rolname = 'ihanoi_control') then
        create role ihanoi_control login connection limit 64;
    end if;

    if not exists (select from pg_roles
                    where rolname = 'ihanoi_plugin_deploy')
    then
        create role ihanoi_plugin_deploy nologin;
    end if;

    alter role ihanoi_owner nologin nosuperuser nocreatedb nocreaterole
        noreplication nobypassrls;
    alter role ihanoi_read login nosuperuser nocreatedb nocreaterole
        noreplication nobypassrls;
    alter role ihanoi_write login nosuperuser nocreatedb nocreaterole
        noreplication nobypassrls;
    alter role ihanoi_control login nosuperuser nocreatedb nocreaterole
        noreplication nobypassrls;

    grant ihanoi_read to ihanoi_write;
    grant ihanoi_write to ihanoi_control;

    -- Reads never write. The gateway bounds each call itself, from queueing to
    -- Sync; statement_timeout is the backstop for a gateway that is gone, so
    -- it is as long as the longest class (slow) allows.
    alter role ihanoi_read set default_transaction_read_only = on;
    alter role ihanoi_read set statement_timeout = '35s';
    alter role ihanoi_read set lock_timeout = '1s';
    alter role ihanoi_read set idle_in_transaction_session_timeout = '10s';

    alter role ihanoi_write set statement_timeout = '35s';
    alter role ihanoi_write set lock_timeout = '3s';
    alter role ihanoi_write set idle_in_transaction_session_timeout = '10s';

    -- A long transaction of ours holds back the watermark of denied tokens for
    -- everybody.
    alter role ihanoi_control set statement_timeout = '30s';
    alter role ihanoi_control set lock_timeout = '500ms';
    alter role ihanoi_control set idle_in_transaction_session_timeout = '10s';
    foreach r in array array['ihanoi_read', 'ihanoi_write', 'ihanoi_control']
    loop
        perform pg_temp.role_settings(r);
    end loop;
end
$$;

create extension if not exists postgis schema public;
create extension if not exists unaccent schema public;
create extension if not exists pg_trgm schema public;
create extension if not exists btree_gist schema public;

do $$
begin
    execute format('grant create, connect, temporary on database %I to ihanoi_owner',
                   current_database());
    execute format('grant connect on database %I to ihanoi_read, ihanoi_write, ihanoi_control',
                   current_database());
    execute format('revoke temporary on database %I from public',
                   current_database());
end
$$;

revoke create on schema public from public;
grant usage on schema public to ihanoi_owner, ihanoi_read;

-- What a session's transactions leave behind outside of all schemas: locks that only the
-- end of the session gives back, of a table in memory that is everybody's, so that one
-- statement of a plugin's could stop all writes of the city; and large objects.
do $$
declare
    f  regprocedure;
begin
    for f in
        select p.oid
          from pg_catalog.pg_proc p
         where p.pronamespace = 'pg_catalog'::regnamespace
           and p.proname in ('pg_advisory_lock', 'pg_advisory_lock_shared', 'pg_try_advisory_lock',
                             'pg_try_advisory_lock_shared', 'lo_creat', 'lo_create', 'lo_from_bytea')
           and has_function_privilege('public', p.oid, 'execute')
    loop
        execute format('revoke execute on function %s from public', f);
    end loop;
end
$$;

\ir plugin_locks.sql

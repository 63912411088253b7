-- The database of one plugin: its roles and its schema. The name of the plugin
-- is psql's variable "plugin".
--
-- Run by a superuser, in the gateway's database, after roles.sql; may be run
-- again at any time: the settings below are put back to what stands here.
--
--   plugin_NAME   a role: the gateway logs in as it. It reads and writes rows
--                 and calls functions; it makes and changes nothing
--   owner_NAME    a role that owns the plugin's schemas and logs in nowhere:
--                 for each deployment a role that is a member of it is made,
--                 and dropped after it (IHanoi::Plugin::Database)
--   plugin_NAME   the schema of its data; code_NAME_... those of its versions
--
-- Both roles are members of no other and have rights in these schemas only, so
-- that nothing that the plugin's SQL says gives it more.

\ir role_settings.sql

select set_config('ihanoi.plugin', :'plugin', false) \g /dev/null

-- What is there already is as it should be.
set client_min_messages = warning;

do $$
declare
    plugin  text := current_setting('ihanoi.plugin');
    runs    text := 'plugin_' || plugin;
    owns    text := 'owner_' || plugin;
    r       text;
    other   text;
begin
    -- Roles belong to the cluster, and two databases may be set up at once.
    lock table pg_catalog.pg_authid in share row exclusive mode;

    -- The limit is a beginning: what the operator sets is left alone. What one that
    -- was dropped might do with the data is not known here: migrations may have taken
    -- away some of it.
    if not exists (select from pg_roles where rolname = runs) then
        if exists (select from pg_class where relnamespace = to_regnamespace(runs)) then
            raise exception 'the role % was dropped, and with it what it may do in '
                            'the schema %', runs, runs
                  using hint = format('create role %1$I login connection limit 100; '
                      'grant select, insert, update, delete on all tables in schema %1$I to %1$I; '
                      'grant usage, select on all sequences in schema %1$I to %1$I; '
                      'grant execute on all functions in schema %1$I to %1$I; '
                      'Then revoke what its migrations do, and deploy again', runs);
        end if;

        execute format('create role %I login connection limit 100', runs);
    end if;

    if not exists (select from pg_roles where rolname = owns) then
        execute format('create role %I nologin', owns);
    end if;

    execute format('alter role %I login nosuperuser nocreatedb nocreaterole '
                   'noreplication nobypassrls', runs);
    execute format('alter role %I nologin nosuperuser nocreatedb nocreaterole '
                   'noreplication nobypassrls', owns);

    select m.roleid::regrole::text into other
      from pg_auth_members m
     where m.member in (runs::regrole, owns::regrole)
     limit 1;

    if found then
        raise exception 'a role of the plugin % is a member of %', plugin, other
              using hint = 'revoke it: its SQL would have that role''s rights';
    end if;

    foreach r in array array[runs, owns]
    loop
        perform pg_temp.role_settings(r);

        execute format('grant connect on database %I to %I',
                       current_database(), r);
        execute format('grant usage on schema public to %I', r);
    end loop;

    execute format('alter role %I set statement_timeout = %L', runs, '35s');
    execute format('alter role %I set lock_timeout = %L', runs, '3s');
    execute format('alter role %I set idle_in_transaction_session_timeout = %L',
                   runs, '10s');

    -- Counts its calls of ihanoi_host.lock(), which needs that to be quick.
    execute format('alter role %I set track_functions = pl', runs);

    execute format('create schema if not exists %I authorization %I', runs, owns);

    select n.nspowner::regrole::text into other
      from pg_namespace n
     where n.nspname = runs and n.nspowner <> owns::regrole;

    if found then
        raise exception 'the schema % is owned by %, not by %', runs, other, owns
              using hint = 'alter schema ... owner to ..., with all in it';
    end if;

    execute format('grant usage on schema %I to %I', runs, runs);
    execute format('alter default privileges for role %I '
                   'revoke execute on functions from public', owns);
    execute format('alter default privileges for role %I in schema %I '
                   'grant select, insert, update, delete on tables to %I',
                   owns, runs, runs);
    execute format('alter default privileges for role %I in schema %I '
                   'grant usage, select on sequences to %I', owns, runs, runs);
    execute format('alter default privileges for role %I in schema %I '
                   'grant execute on functions to %I', owns, runs, runs);

    -- What has been applied: in the plugin's schema, because it is written in
    -- the transaction of the migration itself.
    execute format('create table if not exists %I.ihanoi_migrations ('
                   'name text primary key, checksum text not null, '
                   'version text not null, '
                   'applied_at timestamptz not null default now())', runs);
    execute format('alter table %I.ihanoi_migrations owner to %I', runs, owns);
    execute format('revoke all on %I.ihanoi_migrations from %I', runs, runs);
end
$$;

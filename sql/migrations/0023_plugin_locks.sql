-- Plugins lock by names of their own (docs/decisions/0051).
set local lock_timeout = '5s';
set local role ihanoi_owner;

-- That a lock is taken, to be counted as a function's call is.
create function core.plugin_lock_taken()
returns void
language plpgsql
as $$
begin
end
$$;
revoke execute on function core.plugin_lock_taken() from public;


-- Waits until nobody else has this lock of the plugin whose role has logged in, and keeps
-- it until the transaction ends; shared: beside others that share it. A deployment's role
-- is the plugin's. The core's locks are 64-bit numbers, and another role's begin with
-- another number: nobody's name is anybody else's lock. Two names of one plugin are one
-- lock once in 4,000 million times.
--
-- A transaction has at least 32 of them, and at most 47, which is less than its part of
-- the server's table (max_locks_per_transaction). Only all of that table tells how many it
-- has, in 0.1 ms and more, so one call in 16 asks; or each, where PostgreSQL does not count
-- the role's calls (track_functions). A session's role cannot set that count, and what is
-- refused, or had already where it would be, is not counted: the next one asks again. A
-- superuser, whose tests are one long transaction, has as many as there are.
create function ihanoi_host.lock(name text, shared boolean default false)
returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    plugin  text := regexp_replace(session_user, '^deploy_(.+)_[0-9a-f]{8}$', 'plugin_\1');
    role    int := quote_ident(plugin)::regrole::oid;
    key     int := hashtext(lock.name);
    taken   bigint := pg_stat_get_xact_function_calls('core.plugin_lock_taken()'::regprocedure);
    many    boolean := false;
    held    boolean;
begin
    if lock.name is null or lock.shared is null then
        raise exception 'a lock has a name: name and shared are not null'
              using errcode = 'null_value_not_allowed';
    end if;

    if current_setting('is_superuser') = 'off'
       and (taken % 16 = 15 or current_setting('track_functions') = 'none')
    then
        select count(distinct l.objid) >= 32, bool_or(l.objid = key::oid) into many, held
          from pg_locks l
         where l.pid = pg_backend_pid() and l.locktype = 'advisory'
           and l.classid = role::oid and l.objsubid = 2;

        if many and not held then
            raise exception 'a transaction has at most 32 locks of a plugin'
                  using errcode = 'program_limit_exceeded';
        end if;
    end if;

    if not many then
        perform core.plugin_lock_taken();
    end if;

    if lock.shared then
        perform pg_advisory_xact_lock_shared(role, key);
    else
        perform pg_advisory_xact_lock(role, key);
    end if;

    -- Versions of plugins from before this function took these numbers for the same
    -- names, and may run beside one that calls it, as long as anybody may take them.
    if not has_function_privilege('public', 'pg_advisory_xact_lock(bigint)'::regprocedure,
                                  'execute')
    then
        return;
    elsif lock.shared then
        perform pg_advisory_xact_lock_shared(hashtextextended(lock.name, 0));
    else
        perform pg_advisory_xact_lock(hashtextextended(lock.name, 0));
    end if;
end
$$;

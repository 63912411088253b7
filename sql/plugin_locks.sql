-- Locks of transactions are not everybody's: their table in memory is, so that one
-- statement of a plugin could fill it and stop all writes of the city, and their numbers
-- are, so that it could take those of the core. Plugins have ihanoi_host.lock().
--
-- Part of roles.sql, and run when old versions of a plugin are dropped: those of before
-- that function call these, and work as long as they are there.

do $$
declare
    callers  text;
    f        regprocedure;
begin
    -- Two deployments may be at it at once.
    perform pg_advisory_xact_lock(hashtext('ihanoi plugin locks')::bigint);

    select string_agg(distinct coalesce(substring(obj_description(n.oid, 'pg_namespace')
                                                  from '^\S+ \S+'), n.nspname), ', ')
      into callers
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      join pg_catalog.pg_roles o on o.oid = n.nspowner and o.rolname ~ '^owner_'
     where regexp_replace(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), '^\s*--.*$', '', 'gn')
           ~* 'pg_(try_)?advisory_xact_lock';

    for f in
        select p.oid
          from pg_catalog.pg_proc p
         where p.pronamespace = 'pg_catalog'::regnamespace
           and p.proname ~ '^pg_(try_)?advisory_xact_lock(_shared)?$'
           and has_function_privilege('public', p.oid, 'execute')
    loop
        if callers is not null then
            raise warning 'any plugin may lock what the core waits for: % call pg_advisory_xact_lock()', callers
                  using hint = 'Deploy versions that call ihanoi_host.lock(). '
                               'It ends when the last of these is dropped.';
            return;
        end if;

        execute format('grant execute on function %s to ihanoi_owner, ihanoi_write', f);
        execute format('revoke execute on function %s from public', f);
    end loop;
end
$$;

-- Takes or renews a lease: true when this holder has it now. Real time, not
-- core.now(): leases are about processes, not about what the service does.
create function lease_take(name text, holder text, seconds int)
returns boolean
language sql volatile
as $$
    with taken as (
        insert into core.leases as l (name, holder, until)
        values (name, holder, clock_timestamp() + make_interval(secs => seconds))
        on conflict on constraint leases_pkey do update
        set holder = excluded.holder, until = excluded.until
        where l.holder = excluded.holder or l.until < clock_timestamp()
        returning 1
    )
    select exists (select from taken)
$$;

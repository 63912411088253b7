-- Which jobs of plugins this gateway is to run now. Each gateway asks every
-- second; who takes a row runs it, under a lease that ends by itself.
--
--   asked   {"gateway": text, "all": boolean, "jobs": [{"plugin", "job",
--           "version", "cron", "missed": "once" or "skip", "next": the first
--           time of the schedule after now, "lease": seconds, "hold": whether
--           it must not run here}]}
--
-- Times are seconds since 1970. The first row says what time it is here, where
-- run is null; then a row for each run that was taken, and with "all" one for
-- each job without a run, that says when it last succeeded.
--
-- A run that was due for more than a minute is late: made once or skipped, as
-- the job says. A run whose end nobody reported in its lease is lost, and if
-- the job says once it is made again, but not twice.
--
-- Of another schedule the time that comes first stands: what was due by the one
-- before is run, and gateways of two versions do not take away each other's times.
create function plugin_jobs_take(asked jsonb)
returns table (now bigint, plugin text, job text, run uuid, due bigint,
               late boolean, success bigint)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    it      timestamptz := core.now();
    taken   record;
begin
    now := floor(extract(epoch from it));
    return next;

    -- Nobody has said so for minutes: the database was away, not who has them.
    update core.plugin_jobs p
    set declared_at = it
    where not exists (select from core.plugin_jobs o
                      where o.declared_at > it - interval '5 minutes');

    -- The first time, after a change, and once a minute as a sign of life.
    with given as (
        select g.*
        from jsonb_to_recordset(asked -> 'jobs') as g (plugin text, job text,
                 cron text, missed text, next bigint)
             left join core.plugin_jobs p
                 on p.plugin = g.plugin and p.job = g.job
        where p.plugin is null or p.cron <> g.cron or p.missed <> g.missed
           or p.declared_at < it - interval '1 minute'
    )
    insert into core.plugin_jobs as p (plugin, job, cron, missed, next_at,
                                       declared_at)
    select g.plugin, g.job, g.cron, g.missed, to_timestamp(g.next), it
    from given g
    on conflict on constraint plugin_jobs_pkey do update
    set cron = excluded.cron,
        missed = excluded.missed,
        next_at = case when p.cron = excluded.cron then p.next_at
                       else least(p.next_at, excluded.next_at) end,
        declared_at = excluded.declared_at;

    -- Forgotten: no gateway has it any more.
    if (asked ->> 'all')::boolean then
        delete from core.plugin_jobs p
        where p.declared_at < it - interval '1 hour'
          and (p.until is null or p.until < clock_timestamp());
    end if;

    update core.plugin_jobs p
    set run = null,
        until = null,
        ended_at = it,
        outcome = 'lost',
        error = 'its gateway did not report an end',
        failures = p.failures + 1,
        losses = p.losses + 1,
        next_at = case when p.missed = 'once' and p.losses = 0 then p.due_at
                       else p.next_at end
    from jsonb_to_recordset(asked -> 'jobs') as g (plugin text, job text)
    where p.plugin = g.plugin and p.job = g.job and p.until < clock_timestamp();

    for taken in
        select p.plugin, p.job, p.next_at, g.version, g.next, g.lease,
               it - p.next_at > interval '1 minute' as late,
               p.missed, gen_random_uuid() as run
        from jsonb_to_recordset(asked -> 'jobs') as g (plugin text, job text,
                 version text, next bigint, lease int, hold boolean)
             join core.plugin_jobs p on p.plugin = g.plugin and p.job = g.job
        where p.run is null and p.next_at <= it and not g.hold
          and to_timestamp(g.next) > p.next_at
        order by p.next_at, p.plugin, p.job
        limit 16
        for update of p skip locked
    loop
        if taken.late and taken.missed = 'skip' then
            update core.plugin_jobs p
            set next_at = to_timestamp(taken.next), misses = p.misses + 1
            where p.plugin = taken.plugin and p.job = taken.job;
            continue;
        end if;

        update core.plugin_jobs p
        set run = taken.run,
            holder = asked ->> 'gateway',
            until = clock_timestamp() + make_interval(secs => taken.lease),
            version = taken.version,
            due_at = taken.next_at,
            started_at = it,
            next_at = to_timestamp(taken.next),
            misses = p.misses + taken.late::int
        where p.plugin = taken.plugin and p.job = taken.job;

        plugin := taken.plugin;
        job := taken.job;
        run := taken.run;
        due := floor(extract(epoch from taken.next_at));
        late := taken.late;
        return next;
    end loop;

    if (asked ->> 'all')::boolean then
        return query
        select plugin_jobs_take.now, p.plugin, p.job, null::uuid, null::bigint,
               null::boolean, floor(extract(epoch from p.success_at))::bigint
        from jsonb_to_recordset(asked -> 'jobs') as g (plugin text, job text)
             join core.plugin_jobs p on p.plugin = g.plugin and p.job = g.job;
    end if;
end
$$;

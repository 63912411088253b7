-- The jobs of all plugins for operators: when they run, and how the last run
-- ended. outcome is null before the first one.
create function plugin_jobs_list()
returns table (plugin text, job text, version text, cron text, missed text,
               next_at timestamptz, running boolean, holder text,
               due_at timestamptz, started_at timestamptz,
               ended_at timestamptz, outcome text, error text,
               success_at timestamptz, misses bigint, failures int)
language sql stable
as $$
    select p.plugin, p.job, p.version, p.cron, p.missed, p.next_at,
           p.run is not null, p.holder, p.due_at, p.started_at, p.ended_at,
           p.outcome, p.error, p.success_at, p.misses, p.failures
    from core.plugin_jobs p
    order by p.plugin, p.job
$$;

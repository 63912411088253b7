-- How a run that plugin_jobs_take() gave ended; false: it is not this run's any
-- more, its lease had ended. One that could not begin (busy, closed) is tried
-- again ten seconds later if its job makes up for missed runs. One that went well
-- and has left something ("again" in place of an error) is made again at once.
create function plugin_job_end(plugin text, job text, run uuid, outcome text,
    error text)
returns boolean
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    again  boolean := plugin_job_end.outcome = 'ok'
                      and plugin_job_end.error is not distinct from 'again';
begin
    update core.plugin_jobs p
    set run = null,
        until = null,
        ended_at = core.now(),
        outcome = plugin_job_end.outcome,
        error = case when not again then left(plugin_job_end.error, 500) end,
        success_at = case when plugin_job_end.outcome = 'ok' then core.now()
                          else p.success_at end,
        failures = case when plugin_job_end.outcome = 'ok' then 0
                        else p.failures + 1 end,
        losses = 0,
        next_at = case when again then least(p.next_at, core.now())
                       when plugin_job_end.outcome in ('busy', 'closed')
                            and p.missed = 'once'
                       then least(p.next_at, core.now() + interval '10 seconds')
                       else p.next_at end
    where p.plugin = plugin_job_end.plugin and p.job = plugin_job_end.job
      and p.run = plugin_job_end.run;

    return found;
end
$$;

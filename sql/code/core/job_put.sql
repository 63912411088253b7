-- Schedules job_<kind>(args) for a time; a due job of the same kind and key is
-- moved instead of doubled. Returns the job.
create function job_put(kind text, key text, run_at timestamptz,
    args jsonb default '{}')
returns uuid
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    job  uuid;
begin
    insert into core.jobs as j (kind, key, run_at, args)
    values (job_put.kind, job_put.key, job_put.run_at, job_put.args)
    on conflict (kind, key) where state = 'due' do update
    set run_at = excluded.run_at, args = excluded.args, attempts = 0
    returning j.id into job;

    return job;
end
$$;

-- Schedules job_<kind>(args) for a time; a due job of the same kind and key is
-- moved instead of doubled. Returns the job.
create function job_put(kind text, key text, run_at timestamptz,
    args jsonb default '{}')
returns uuid
language sql volatile
as $$
    insert into core.jobs (kind, key, run_at, args)
    values (kind, key, run_at, args)
    on conflict (kind, key) where state = 'due' do update
    set run_at = excluded.run_at, args = excluded.args, attempts = 0
    returning id
$$;

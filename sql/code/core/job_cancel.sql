-- A due job that is not wanted any more; says whether there was one.
create function job_cancel(kind text, key text)
returns boolean
language plpgsql volatile
as $$
begin
    update core.jobs j
    set state = 'cancelled', ended_at = core.now()
    where j.kind = job_cancel.kind and j.key = job_cancel.key
      and j.state = 'due';

    return found;
end
$$;

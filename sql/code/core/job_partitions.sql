-- Recurring: makes next months' partitions and drops those past keeping.
create function job_partitions(args jsonb)
returns void
language sql volatile
as $$
    select from core.partitions_ensure()
$$;

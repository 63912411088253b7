-- Recurring, one for each partitioned table and each in a transaction of its
-- own: makes the next partitions of args ->> 'table' and drops those past
-- keeping.
create function job_partitions(args jsonb)
returns void
language sql volatile
as $$
    select from core.partitions_ensure_of(args ->> 'table')
$$;

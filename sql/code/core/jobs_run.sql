-- Runs what is due. Called every second by the control connection of one
-- worker in each gateway; "runner" names that gateway, and the lease sees to
-- it that one gateway in the cluster does the work. Bounded: at most 100 jobs
-- or half a second a call, the rest at the next. A job that has to be alone
-- (it locks tables) is the only one of its call, whose transaction is its own.
--
-- Each job runs in a subtransaction of its own: one that fails is tried again
-- after 2, 4, 8 … seconds (an hour at most), and is dead after max_attempts; a
-- recurring one goes on with its next turn instead. Dead jobs stay, for
-- somebody to look at. Where the database has no room (a full disk, no memory),
-- that is no attempt: all of its kind would meet it, so these wait for the next call,
-- and the job for ten seconds; where it is one table that cannot be read, other kinds
-- go on. One that takes longer than the call may (statement_timeout) has failed, too:
-- all would wait for it otherwise.
create function jobs_run(runner text)
returns table (held boolean, ran int, failed int, dead int)
language plpgsql volatile
as $$
declare
    job     core.jobs;
    ends    timestamptz := clock_timestamp() + interval '500 milliseconds';
    error   text;
    again   timestamptz;
    waits   text[] := '{}';    -- kinds
begin
    held := lease_take('jobs', runner, 10);
    ran := 0;
    failed := 0;
    dead := 0;

    while held and ran < 100 and clock_timestamp() < ends
          and job.alone is not true
    loop

        select j.* into job
        from core.jobs j
        where j.state = 'due' and j.run_at <= core.now()
          and j.kind <> all (waits)
        order by j.run_at, j.id
        limit 1
        for update skip locked;

        exit when not found or job.alone and ran > 0;

        ran := ran + 1;
        error := null;

        begin
            execute format('select %I(args => $1)', 'job_' || job.kind)
                using job.args;
        exception when others or query_canceled then
            error := sqlstate || ' ' || sqlerrm;
        end;

        -- A recurring job's turns stay on the grid of its last one (or of its last
        -- try, which was put off), and missed ones are not made up for.
        again := case
            when job.every is not null and (error is null
                 or job.attempts + 1 >= job.max_attempts) then
                job.run_at + job.every
                    * (1 + floor(extract(epoch from core.now() - job.run_at)
                                 / extract(epoch from job.every)))::float8
            when error is not null then
                core.now() + least(interval '1 hour',
                                   interval '1 second' * 2 ^ least(job.attempts + 1, 12))
            end;

        if error is null then
            update core.jobs j
            set state = case when job.every is null then 'done' else 'due' end,
                run_at = coalesce(again, j.run_at),
                attempts = 0,
                last_error = null,
                ended_at = core.now()
            where j.id = job.id;
            continue;
        end if;

        failed := failed + 1;
        -- The message may quote a value: the log gets the SQLSTATE only.
        raise warning 'job % (%) failed: %', job.kind, job.id, left(error, 5);

        if left(error, 2) in ('53', '58') then
            update core.jobs j
            set last_error = error, run_at = core.now() + interval '10 seconds'
            where j.id = job.id;
            waits := waits || job.kind;
            continue;
        end if;

        if job.attempts + 1 >= job.max_attempts and job.every is null then
            dead := dead + 1;
            update core.jobs j
            set state = 'dead', attempts = j.attempts + 1, last_error = error,
                ended_at = core.now()
            where j.id = job.id;
        else
            update core.jobs j
            set attempts = case when job.attempts + 1 >= job.max_attempts
                                then 0 else j.attempts + 1 end,
                last_error = error,
                run_at = again
            where j.id = job.id;
        end if;
    end loop;

    return next;
end
$$;

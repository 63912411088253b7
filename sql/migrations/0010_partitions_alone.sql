-- Partitions of one table a transaction, so that making them cannot deadlock
-- with writers. Making or dropping a partition locks its table against
-- everybody; a POST uses idempotency_keys, audit_events, outbox and keys again,
-- and a job that held one of them while it waited for another was waited for
-- by those it waited for.

set local lock_timeout = '5s';
set local role ihanoi_owner;

-- A job that locks so much runs in a transaction of its own: jobs_run() begins
-- it with nothing done before and does nothing after it.
alter table core.jobs add column alone boolean not null default false;


-- Makes the missing partitions of one table and drops those past keeping; says
-- what it did. Runs as the owner: creating and dropping tables is nobody
-- else's. A step whose rows already stand in the default partition stays there.
--
-- Locks come in the order of the writers: first the tables that ours refers to
-- (a new partition needs them, and an account is made before its event), then
-- the table, then its default partition; when there is nothing to do, none.
-- Who goes the other way makes us wait, and each wait is much shorter than
-- deadlock_timeout (1 s): we give up and come again, and no writer is aborted.
create function core.partitions_ensure_of(of text)
returns text[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '300ms'
as $$
declare
    p        core.partitioned;
    step     interval;
    pattern  text;
    today    timestamp;
    starts   timestamp;
    name     text;
    other    regclass;
    taken    boolean;
    gone     bigint;
    missing  timestamp[];
    old      text[];
    done     text[] := '{}';
begin
    select x.* into strict p from core.partitioned x where x.name = of;

    step := ('1 ' || p.step)::interval;
    pattern := case p.step when 'day' then 'YYYY_MM_DD' else 'YYYY_MM' end;
    today := date_trunc(p.step, core.now() at time zone 'UTC');

    select array_agg(s.starts order by s.starts) into missing
    from generate_series(today, today + p.ahead * step, step) s (starts)
    where to_regclass(format('core.%I',
              p.name || '_' || to_char(s.starts, pattern))) is null;

    -- Materialized: read as a date is only the name of a partition, in whatever
    -- order the planner likes. keep null: none is too old.
    with parts as materialized (
        select c.relname
        from pg_inherits i
             join pg_class c on c.oid = i.inhrelid
        where i.inhparent = format('core.%I', p.name)::regclass
          and c.relname <> p.name || '_default'
    )
    select array_agg(x.relname order by x.relname) into old
    from parts x
    where (to_timestamp(substr(x.relname, length(p.name) + 2), pattern)
               at time zone current_setting('TimeZone') + step)
              at time zone 'UTC' + p.keep < core.now();

    if missing is not null or old is not null then
        for other in
            select distinct k.confrelid::regclass
            from pg_constraint k
            where k.contype = 'f' and k.conrelid = format('core.%I', p.name)::regclass
            order by 1
        loop
            execute format('lock table %s in share row exclusive mode', other);
        end loop;

        execute format('lock table only core.%I in access exclusive mode', p.name);
        execute format('lock table only core.%I in access exclusive mode',
                       p.name || '_default');
    end if;

    foreach starts in array coalesce(missing, '{}') loop
        name := p.name || '_' || to_char(starts, pattern);

        execute format('select exists (select from core.%I where at >= %L and at < %L)',
                       p.name || '_default', starts at time zone 'UTC',
                       (starts + step) at time zone 'UTC')
           into taken;

        if taken then
            done := done || format('%s: rows are in the default partition', name);
            continue;
        end if;

        execute format('create table core.%I partition of core.%I '
                       'for values from (%L) to (%L)', name, p.name,
                       starts at time zone 'UTC',
                       (starts + step) at time zone 'UTC');
        done := done || format('%s: created', name);
    end loop;

    foreach name in array coalesce(old, '{}') loop
        execute format('drop table core.%I', name);
        done := done || format('%s: dropped', name);
    end loop;

    if p.keep is not null then
        execute format('delete from core.%I where at < %L',
                       p.name || '_default', core.now() - p.keep - step);
        get diagnostics gone = row_count;

        if gone > 0 then
            done := done || format('%s_default: %s rows removed', p.name, gone);
        end if;
    end if;

    return done;
end
$$;

revoke execute on function core.partitions_ensure_of(text) from public;
grant execute on function core.partitions_ensure_of(text) to ihanoi_control;


-- All tables in one transaction: for whoever is alone with the database, and
-- for the job of a release before this one.
create or replace function core.partitions_ensure()
returns text[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    of    text;
    done  text[] := '{}';
begin
    for of in select x.name from core.partitioned x order by x.name loop
        done := done || core.partitions_ensure_of(of);
    end loop;

    return done;
end
$$;


-- A job a table; the one for all is over.
insert into core.jobs (kind, key, args, run_at, every, alone)
select 'partitions', p.name, jsonb_build_object('table', p.name), core.now(),
       interval '6 hours', true
from core.partitioned p;

update core.jobs
set state = 'cancelled', ended_at = core.now()
where kind = 'partitions' and key = '' and state = 'due';

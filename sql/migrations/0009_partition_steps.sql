-- Idempotency keys by day. They hold answers as they were sent, so now and then
-- what is personal; erasing an account cannot reach into them, so they must go
-- soon by themselves: two days after they were written at the latest, where a
-- month's partition would have kept them for more than four weeks.
--
-- (Keys of the months' partitions are dropped: a POST repeated over this
-- migration runs again. No installation was in production before it.)

set local lock_timeout = '5s';
set local role ihanoi_owner;

alter table core.partitioned
    add column step text not null default 'month' check (step in ('day', 'month'));

update core.partitioned
set step = 'day', keep = '1 day', ahead = 2
where name = 'idempotency_keys';

do $$
declare
    old  regclass;
begin
    for old in
        select i.inhrelid::regclass
        from pg_inherits i
        where i.inhparent = 'core.idempotency_keys'::regclass
          and i.inhrelid <> 'core.idempotency_keys_default'::regclass
    loop
        execute format('drop table %s', old);
    end loop;
end
$$;


-- Makes the partitions that are missing and drops those past keeping; says
-- what it did. Runs as the owner: creating and dropping tables is nobody
-- else's. A step whose rows already stand in the default partition stays there.
create or replace function core.partitions_ensure()
returns text[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    p        core.partitioned;
    step     interval;
    pattern  text;
    starts   timestamp;
    name     text;
    taken    boolean;
    gone     bigint;
    old      record;
    done     text[] := '{}';
begin
    for p in select * from core.partitioned x order by x.name loop
        step := ('1 ' || p.step)::interval;
        pattern := case p.step when 'day' then 'YYYY_MM_DD' else 'YYYY_MM' end;

        for i in 0 .. p.ahead loop
            starts := date_trunc(p.step, core.now() at time zone 'UTC') + i * step;
            name := p.name || '_' || to_char(starts, pattern);

            if to_regclass(format('core.%I', name)) is not null then
                continue;
            end if;

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

        continue when p.keep is null;

        for old in
            select c.relname,
                   to_timestamp(substr(c.relname, length(p.name) + 2), pattern)
                       at time zone current_setting('TimeZone') as starts
            from pg_inherits i
                 join pg_class c on c.oid = i.inhrelid
            where i.inhparent = format('core.%I', p.name)::regclass
              and c.relname <> p.name || '_default'
            order by c.relname
        loop
            if (old.starts + step) at time zone 'UTC' + p.keep < core.now() then
                execute format('drop table core.%I', old.relname);
                done := done || format('%s: dropped', old.relname);
            end if;
        end loop;

        execute format('delete from core.%I where at < %L',
                       p.name || '_default', core.now() - p.keep - step);
        get diagnostics gone = row_count;

        if gone > 0 then
            done := done || format('%s_default: %s rows removed', p.name, gone);
        end if;
    end loop;

    return done;
end
$$;

select core.partitions_ensure();

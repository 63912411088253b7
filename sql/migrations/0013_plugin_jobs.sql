-- Jobs of plugins: what their manifests schedule, one row each. A gateway runs
-- the function, this table says when and who (docs/decisions/0025).

set local lock_timeout = '5s';
set local role ihanoi_owner;

-- The row of a job is made by the first gateway that has its plugin, and goes
-- when none has had it for an hour.
create table core.plugin_jobs (
    plugin      text not null check (plugin ~ '^[a-z][a-z0-9_]{0,31}$'),
    job         text not null check (job ~ '^[a-z][a-z0-9_]{0,31}$'),
    cron        text not null,
    missed      text not null check (missed in ('once', 'skip')),
    next_at     timestamptz not null,
    declared_at timestamptz not null,

    -- The run under way: an end that is not reported until then is lost. Real
    -- time, as of core.leases.
    run         uuid,
    holder      text,
    until       timestamptz,

    -- The last one.
    version     text,
    due_at      timestamptz,
    started_at  timestamptz,
    ended_at    timestamptz,
    outcome     text,
    error       text check (length(error) <= 500),
    success_at  timestamptz,

    misses      bigint not null default 0,
    failures    int not null default 0,
    losses      int not null default 0,

    primary key (plugin, job),
    constraint plugin_jobs_run_has_end check ((run is null) = (until is null))
);

comment on column core.plugin_jobs.misses is
    'Times at which nobody ran it until a minute later, by each of which one or none was made up for: missed.';
comment on column core.plugin_jobs.failures is
    'Runs that failed or were lost since the last success.';
comment on column core.plugin_jobs.losses is
    'Runs one after the other whose gateway did not report their end.';

grant select on core.plugin_jobs to ihanoi_read;
grant update on core.plugin_jobs to ihanoi_write;
grant insert, delete on core.plugin_jobs to ihanoi_control;

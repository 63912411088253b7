-- Core: what every service stands on. Clock, reply type, people and their
-- personal data, idempotency keys, audit, outbox, jobs, denied tokens.
--
-- Lives as long as the database. Functions that are code are not here but in
-- the release's schema (sql/code); the few functions below are part of the
-- data: triggers that hold a rule whatever release writes, the clock, and
-- what must run with the owner's rights.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create schema core;
grant usage on schema core to ihanoi_read, ihanoi_write, ihanoi_control;


-- What every function but a GET's returns (docs/conventions.md).
create type core.reply as (
    status    int,
    etag      text,
    location  text,
    body      json
);


-- The only clock. Tests shift it: set core.clock_offset = '3 days' (for a
-- session, a transaction or a database); production never sets it.
create function core.now()
returns timestamptz
language sql stable parallel safe
as $$
    select transaction_timestamp()
           + coalesce(nullif(current_setting('core.clock_offset', true), ''),
                      '0')::interval
$$;


-- The day it is in the city, whose time zone has no summer time.
create function core.today()
returns date
language sql stable parallel safe
as $$
    select (core.now() at time zone 'Asia/Ho_Chi_Minh')::date
$$;


-- Settings that are neither law nor code: a number of days to wait, a
-- tolerance in metres. Dated, so that what held then can be seen now.
-- (Legal time limits have their own table with the working calendar.)
create table core.settings (
    name        text not null check (name ~ '^[a-z0-9_.]{1,64}$'),
    valid_from  date not null default '2024-01-01',
    value       jsonb not null,
    note        text not null,
    primary key (name, valid_from)
);


-- SHA-256 of a text's UTF-8 bytes, in hex. Immutable, as the database's
-- encoding never changes.
create function core.sha256_hex(words text)
returns text
language sql immutable parallel safe
as $$
    select encode(sha256(convert_to(words, 'UTF8')), 'hex')
$$;


-- People ------------------------------------------------------------------

-- A person is who a token's issuer and subject say. Cases and audit hold the
-- id, which tells nothing; when the account is erased, the subject goes, so
-- that a later account of the same person is somebody new.
create table core.people (
    id          uuid primary key default gen_random_uuid(),
    issuer      text,
    subject     text,
    version     bigint not null default 1,
    created_at  timestamptz not null default core.now(),
    erased_at   timestamptz,
    constraint people_issuer_subject_unique unique (issuer, subject),
    constraint people_known_until_erased check (
        case when erased_at is null
             then issuer is not null and subject is not null
             else issuer is null and subject is null end)
);

-- All personal data that the core holds, and nothing else does: erasing it is
-- emptying one row, everything that refers to the person stays.
create table core.personal (
    person      uuid primary key references core.people,
    full_name   text check (length(full_name) <= 200),
    phone       text check (length(phone) <= 20),
    email       text check (length(email) <= 254),
    address     text check (length(address) <= 500),
    commune     text check (length(commune) <= 16),
    birth_year  int check (birth_year between 1900 and 2100),
    language    text check (language in ('vi', 'en')),
    updated_at  timestamptz not null default core.now()
);

-- The notice people consent to. The hash proves which words they saw.
create table core.privacy_notices (
    version     text primary key check (version ~ '^[0-9a-z.-]{1,32}$'),
    valid_from  timestamptz not null,
    title_vi    text not null,
    title_en    text not null,
    text_vi     text not null,
    text_en     text not null,
    hash        text not null generated always as (
                    core.sha256_hex(text_vi || E'\n\n' || text_en)
                ) stored
);

-- One row a decision: the last one counts, the others are the proof.
create table core.consents (
    id          uuid primary key default gen_random_uuid(),
    person      uuid not null references core.people,
    notice      text not null references core.privacy_notices,
    hash        text not null,
    language    text not null check (language in ('vi', 'en')),
    given       boolean not null,
    at          timestamptz not null default core.now(),
    request_id  text
);

create index consents_person on core.consents (person, at desc);


-- Append only -------------------------------------------------------------

-- Holds whatever role writes: also the owner's mistakes are refused.
create function core.refuse_change()
returns trigger
language plpgsql
as $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name
        using errcode = 'integrity_constraint_violation';
end
$$;

create trigger consents_append_only
    before update or delete or truncate on core.consents
    for each statement execute function core.refuse_change();


-- Partitions --------------------------------------------------------------

-- Append-only tables have a partition a month; the job "partitions" makes them
-- ahead and drops whole months once they are past keeping. Each has a default
-- partition, so that a stopped job runner never costs an insert.
create table core.partitioned (
    name    text primary key,     -- in schema core, partitioned by range of "at"
    keep    interval,             -- after a month's end; null: for ever
    ahead   int not null default 3
);


-- Idempotency -------------------------------------------------------------

-- Answers of POSTs that succeeded. The row is written with the answer, in the
-- request's transaction; until then an advisory lock stands for it (see
-- idempotency_claim), so a refusal leaves nothing behind and nothing is ever
-- updated or deleted. The digest covers operation, key and subject.
create table core.idempotency_keys (
    digest    bytea not null,
    at        timestamptz not null default core.now(),
    hash      text not null,
    status    int not null check (status between 200 and 299),
    etag      text,
    location  text,
    body      json,
    primary key (digest, at)
) partition by range (at);

create table core.idempotency_keys_default
    partition of core.idempotency_keys default;


-- Audit -------------------------------------------------------------------

-- What happened, in chains: one chain a case (or a person, a unit). Each event
-- carries the hash of the one before, so that a change in the middle shows;
-- audit_heads knows how long each chain is, so that a missing end shows too.
-- Refers to people by id, and never quotes what they wrote.
create table core.audit_events (
    chain       uuid not null,
    seq         bigint not null,
    at          timestamptz not null default core.now(),
    kind        text not null check (kind ~ '^[a-z_]{1,32}$'),
    event       text not null check (event ~ '^[a-z_]{1,64}$'),
    actor       uuid references core.people,
    role        text check (role ~ '^[a-z_]{1,32}$'),
    unit        uuid,
    details     jsonb not null default '{}',
    operation   text,
    request_id  text,
    previous    bytea not null,
    hash        bytea not null,
    primary key (chain, seq, at)
) partition by range (at);

create table core.audit_events_default
    partition of core.audit_events default;

create table core.audit_heads (
    chain  uuid primary key,
    seq    bigint not null,
    hash   bytea not null
) with (fillfactor = 80);


-- The bytes that an event's hash covers. Part of the data's format: a change
-- would need a new function and a column that says which one was used.
create function core.audit_hash(e core.audit_events)
returns bytea
language sql immutable parallel safe
as $$
    select sha256(convert_to(jsonb_build_array(
        e.chain, e.seq, extract(epoch from e.at)::text, e.kind, e.event,
        e.actor, e.role, e.unit, e.details, e.operation, e.request_id,
        encode(e.previous, 'hex'))::text, 'UTF8'))
$$;


-- Puts an event at the end of its chain. Runs as the owner: nobody else may
-- touch the heads, so nobody can forge a number or a hash.
create function core.audit_chain()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    head core.audit_heads;
begin
    insert into core.audit_heads as h (chain, seq, hash)
    values (new.chain, 0, '\x')
    on conflict (chain) do update set seq = h.seq    -- waits for the chain
    returning * into head;

    new.seq := head.seq + 1;
    new.previous := head.hash;
    new.hash := core.audit_hash(new);

    update core.audit_heads set seq = new.seq, hash = new.hash
    where chain = new.chain;

    return new;
end
$$;

create trigger audit_events_chained
    before insert on core.audit_events
    for each row execute function core.audit_chain();

-- Row level: that kind is handed on to every partition.
create trigger audit_events_append_only
    before update or delete on core.audit_events
    for each row execute function core.refuse_change();

create trigger audit_events_no_truncate
    before truncate on core.audit_events
    for each statement execute function core.refuse_change();


-- Outbox ------------------------------------------------------------------

-- What others are told: written in the transaction of the change. Readers go
-- by transaction id, because a smaller id may commit later; only rows below
-- the oldest running transaction are handed out (outbox_read).
create sequence core.outbox_id as bigint;

create table core.outbox (
    id       bigint not null default nextval('core.outbox_id'),
    xid      xid8 not null default pg_current_xact_id(),
    at       timestamptz not null default core.now(),
    topic    text not null check (topic ~ '^[a-z_]{1,32}$'),
    event    text not null check (event ~ '^[a-z_]{1,64}$'),
    subject  uuid not null,
    payload  jsonb not null default '{}',
    primary key (id, at)
) partition by range (at);

create table core.outbox_default partition of core.outbox default;

alter sequence core.outbox_id owned by core.outbox.id;

create index outbox_watermark on core.outbox (xid, id);


-- Jobs --------------------------------------------------------------------

-- Time-driven work as rows: kind is the function job_<kind>(args jsonb) of the
-- release. "key" makes a job unique while it is due, so that scheduling again
-- moves it. A recurring job has "every" and goes back to due.
create table core.jobs (
    id            uuid primary key default gen_random_uuid(),
    kind          text not null check (kind ~ '^[a-z_]{1,48}$'),
    key           text not null default gen_random_uuid()::text,
    args          jsonb not null default '{}',
    run_at        timestamptz not null,
    every         interval check (every > '0'),
    state         text not null default 'due'
                  check (state in ('due', 'done', 'dead', 'cancelled')),
    attempts      int not null default 0,
    max_attempts  int not null default 10 check (max_attempts > 0),
    last_error    text,
    ended_at      timestamptz,
    created_at    timestamptz not null default core.now()
);

create unique index jobs_due_once on core.jobs (kind, key) where state = 'due';
create index jobs_due on core.jobs (run_at) where state = 'due';
create index jobs_ended on core.jobs (ended_at) where state in ('done', 'cancelled');

-- Who may run them: one runner in the cluster, by a lease in real time.
create table core.leases (
    name    text primary key,
    holder  text not null,
    until   timestamptz not null
);


-- Denied tokens -----------------------------------------------------------

-- Tokens that are not to be believed although they verify: one token (jti),
-- one session (sid), or all of a subject's (docs/conventions.md).
create table core.denied_tokens (
    iss            text not null check (length(iss) between 1 and 512),
    kind           text not null check (kind in ('jti', 'sid', 'sub')),
    value          text not null check (length(value) between 1 and 512),
    denied_before  timestamptz,
    forget_at      timestamptz not null,
    reason         text not null default '',
    created_at     timestamptz not null default core.now(),
    xid            xid8 not null default pg_current_xact_id(),
    primary key (iss, kind, value)
);

create index denied_tokens_xid on core.denied_tokens (xid);


-- Makes the months that are missing and drops those past keeping; says what it
-- did. Runs as the owner: creating and dropping tables is nobody else's.
-- A month whose rows already stand in the default partition stays there.
create function core.partitions_ensure()
returns text[]
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    p      core.partitioned;
    month  date;
    name   text;
    taken  boolean;
    old    record;
    done   text[] := '{}';
begin
    for p in select * from core.partitioned order by core.partitioned.name loop

        for i in 0 .. p.ahead loop
            month := date_trunc('month', core.now() at time zone 'UTC')::date
                     + make_interval(months => i);
            name := p.name || to_char(month, '_YYYY_MM');

            if to_regclass(format('core.%I', name)) is not null then
                continue;
            end if;

            execute format('select exists (select from core.%I where at >= %L and at < %L)',
                           p.name || '_default',
                           month::timestamp at time zone 'UTC',
                           (month + interval '1 month') at time zone 'UTC')
               into taken;

            if taken then
                done := done || format('%s: rows are in the default partition', name);
                continue;
            end if;

            execute format('create table core.%I partition of core.%I '
                           'for values from (%L) to (%L)', name, p.name,
                           month::timestamp at time zone 'UTC',
                           (month + interval '1 month') at time zone 'UTC');
            done := done || format('%s: created', name);
        end loop;

        continue when p.keep is null;

        for old in
            select c.relname, to_date(right(c.relname, 7), 'YYYY_MM') as month
            from pg_inherits i
                 join pg_class c on c.oid = i.inhrelid
            where i.inhparent = format('core.%I', p.name)::regclass
              and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
            order by c.relname
        loop
            if (old.month + interval '1 month') at time zone 'UTC' + p.keep
               < core.now()
            then
                execute format('drop table core.%I', old.relname);
                done := done || format('%s: dropped', old.relname);
            end if;
        end loop;
    end loop;

    return done;
end
$$;

revoke execute on function core.partitions_ensure() from public;
grant execute on function core.partitions_ensure() to ihanoi_control;

insert into core.partitioned (name, keep, ahead)
values ('idempotency_keys', '3 days', 2),
       ('audit_events', null, 3),
       ('outbox', '3 months', 3);

select core.partitions_ensure();

insert into core.jobs (kind, key, run_at, every)
values ('partitions', '', core.now(), '6 hours'),
       ('expire', '', core.now(), '1 hour');

insert into core.settings (name, value, note)
values ('idempotency.keep_hours', '24',
        'How long the answer to a POST is replayed for the same Idempotency-Key');


-- Rights ------------------------------------------------------------------

grant select on core.settings, core.people, core.personal, core.privacy_notices,
    core.consents, core.audit_events, core.audit_heads, core.outbox, core.jobs,
    core.denied_tokens to ihanoi_read;

grant insert (id, issuer, subject), update (issuer, subject, version, erased_at)
    on core.people to ihanoi_write;
grant insert, update on core.personal to ihanoi_write;
grant insert on core.consents, core.audit_events, core.outbox to ihanoi_write;
grant usage on sequence core.outbox_id to ihanoi_write;
grant insert on core.idempotency_keys to ihanoi_write;
grant select on core.idempotency_keys to ihanoi_write;
grant insert, update on core.jobs to ihanoi_write;

-- What expired is removed by the job runner.
grant delete on core.jobs, core.denied_tokens to ihanoi_control;
grant insert, update on core.denied_tokens to ihanoi_control;
grant select, insert, update on core.leases to ihanoi_control;

-- The data schemas as the migrations leave them, for reading: "make schema"
-- renews it, tests/http/schema.t holds it against a migrated database.

-- Name: core; Type: SCHEMA; Schema: -; Owner: ihanoi_owner

CREATE SCHEMA core;

ALTER SCHEMA core OWNER TO ihanoi_owner;

-- Name: feedback; Type: SCHEMA; Schema: -; Owner: ihanoi_owner

CREATE SCHEMA feedback;

ALTER SCHEMA feedback OWNER TO ihanoi_owner;

-- Name: geo; Type: SCHEMA; Schema: -; Owner: ihanoi_owner

CREATE SCHEMA geo;

ALTER SCHEMA geo OWNER TO ihanoi_owner;

-- Name: ihanoi; Type: SCHEMA; Schema: -; Owner: ihanoi_owner

CREATE SCHEMA ihanoi;

ALTER SCHEMA ihanoi OWNER TO ihanoi_owner;

-- Name: ihanoi_host; Type: SCHEMA; Schema: -; Owner: ihanoi_owner

CREATE SCHEMA ihanoi_host;

ALTER SCHEMA ihanoi_host OWNER TO ihanoi_owner;

-- Name: reply; Type: TYPE; Schema: core; Owner: ihanoi_owner

CREATE TYPE core.reply AS (
	status integer,
	etag text,
	location text,
	body json
);

ALTER TYPE core.reply OWNER TO ihanoi_owner;

-- Name: today(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select (core.now() at time zone 'Asia/Ho_Chi_Minh')::date
$$;

ALTER FUNCTION core.today() OWNER TO ihanoi_owner;

-- Name: now(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.now() RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$select transaction_timestamp()$$;

ALTER FUNCTION core.now() OWNER TO ihanoi_owner;

-- Name: consents; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.consents (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    notice text NOT NULL,
    hash text NOT NULL,
    language text NOT NULL,
    given boolean NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    request_id text,
    CONSTRAINT consents_language_check CHECK ((language = ANY (ARRAY['vi'::text, 'en'::text])))
);

ALTER TABLE core.consents OWNER TO ihanoi_owner;

-- Name: cases; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.cases (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    code text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    state text NOT NULL,
    last_action text NOT NULL,
    previous_state text,
    listed boolean DEFAULT true NOT NULL,
    cycle integer DEFAULT 1 NOT NULL,
    category text NOT NULL,
    severity text NOT NULL,
    severity_proposed text NOT NULL,
    asset text,
    channel text DEFAULT 'app'::text NOT NULL,
    reporter_id uuid NOT NULL,
    commune text NOT NULL,
    commune_brief json NOT NULL,
    lat double precision,
    long double precision,
    address_public text,
    located_by text NOT NULL,
    unit uuid NOT NULL,
    unit_code text NOT NULL,
    unit_brief json NOT NULL,
    routed_by text NOT NULL,
    transferred_from uuid,
    bounces integer DEFAULT 0 NOT NULL,
    text_public text,
    published_at timestamp with time zone,
    answer_public text,
    evidence_public json,
    evidence_exempt boolean DEFAULT false NOT NULL,
    reason_code text,
    reason_public text,
    competent_body text,
    assignee_id uuid,
    planned_on date,
    awaiting_approval boolean DEFAULT false NOT NULL,
    accepted_by uuid,
    decided_by uuid,
    resolved_by uuid,
    appeals integer DEFAULT 0 NOT NULL,
    rating smallint,
    receive_due_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    due_original_at timestamp with time zone,
    extensions integer DEFAULT 0 NOT NULL,
    unit_due_at timestamp with time zone NOT NULL,
    clock_started_at timestamp with time zone NOT NULL,
    clock_paused interval DEFAULT '00:00:00'::interval NOT NULL,
    paused_at timestamp with time zone,
    accepted_at timestamp with time zone,
    started_at timestamp with time zone,
    resolved_at timestamp with time zone,
    closed_at timestamp with time zone,
    cell_small integer GENERATED ALWAYS AS ((((floor(((lat + (90)::double precision) * (100)::double precision)) * (100000)::double precision) + floor(((long + (180)::double precision) * (100)::double precision))))::integer) STORED,
    cell_large integer GENERATED ALWAYS AS ((((floor(((lat + (90)::double precision) * (10)::double precision)) * (10000)::double precision) + floor(((long + (180)::double precision) * (10)::double precision))))::integer) STORED,
    CONSTRAINT cases_accepted_has_time CHECK (((state = ANY (ARRAY['submitted'::text, 'transferred'::text, 'needs_info'::text, 'rejected'::text, 'not_competent'::text, 'withdrawn'::text])) OR ((accepted_at IS NOT NULL) AND (due_original_at IS NOT NULL)))),
    CONSTRAINT cases_appeal_once CHECK (((appeals >= 0) AND (appeals <= 1))),
    CONSTRAINT cases_approval_in_progress CHECK (((NOT awaiting_approval) OR (state = 'in_progress'::text))),
    CONSTRAINT cases_bounce_once CHECK (((bounces >= 0) AND (bounces <= 1))),
    CONSTRAINT cases_needs_info_is_paused CHECK ((((state = 'needs_info'::text) = (paused_at IS NOT NULL)) AND ((state = 'needs_info'::text) = (previous_state IS NOT NULL)))),
    CONSTRAINT cases_place_is_whole CHECK (((lat IS NULL) = (long IS NULL))),
    CONSTRAINT cases_place_on_earth CHECK ((((lat >= ('-90'::integer)::double precision) AND (lat <= (90)::double precision)) AND ((long >= ('-180'::integer)::double precision) AND (long <= (180)::double precision)))),
    CONSTRAINT cases_rating_check CHECK (((rating >= 1) AND (rating <= 5))),
    CONSTRAINT cases_refused_has_reason CHECK (((state <> ALL (ARRAY['rejected'::text, 'not_competent'::text])) OR ((reason_public IS NOT NULL) AND (decided_by IS NOT NULL)))),
    CONSTRAINT cases_rejected_has_code CHECK (((state <> 'rejected'::text) OR (reason_code IS NOT NULL))),
    CONSTRAINT cases_resolved_has_answer CHECK (((state <> ALL (ARRAY['resolved'::text, 'closed'::text])) OR ((answer_public IS NOT NULL) AND (resolved_at IS NOT NULL)))),
    CONSTRAINT cases_resolved_has_evidence CHECK (((state <> ALL (ARRAY['resolved'::text, 'closed'::text])) OR evidence_exempt OR (json_array_length(evidence_public) > 0))),
    CONSTRAINT cases_scheduled_has_date CHECK (((state <> 'scheduled'::text) OR (planned_on IS NOT NULL))),
    CONSTRAINT cases_severity_check CHECK ((severity = ANY (ARRAY['normal'::text, 'urgent'::text, 'complex'::text]))),
    CONSTRAINT cases_severity_proposed_check CHECK ((severity_proposed = ANY (ARRAY['normal'::text, 'urgent'::text, 'complex'::text]))),
    CONSTRAINT cases_withdrawn_before_work CHECK (((state <> 'withdrawn'::text) OR (started_at IS NULL))),
    CONSTRAINT cases_worked_on_has_assignee CHECK (((state <> ALL (ARRAY['assigned'::text, 'in_progress'::text, 'scheduled'::text])) OR (assignee_id IS NOT NULL)))
)
WITH (fillfactor='85');

ALTER TABLE feedback.cases OWNER TO ihanoi_owner;

-- Name: COLUMN cases.lat; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON COLUMN feedback.cases.lat IS 'Public latitude: as exact as the category allows (blur_m); the exact place is in feedback.reports.';

-- Name: COLUMN cases.unit_brief; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON COLUMN feedback.cases.unit_brief IS 'Id, code, kind and names of the unit as readers are shown them (and so for the commune): a public read joins nothing.';

-- Name: COLUMN cases.due_at; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON COLUMN feedback.cases.due_at IS 'Towards the citizen: receipt is due then until accepted, handling after; a transfer never moves it.';

-- Name: COLUMN cases.due_original_at; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON COLUMN feedback.cases.due_original_at IS 'The first handling deadline, before extension, change and reopening: on-time rates use it.';

-- Name: COLUMN cases.clock_paused; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON COLUMN feedback.cases.clock_paused IS 'Working time that the clock stood still since clock_started_at: releases before this comment compute the deadline of another severity from both.';

-- Name: officer_grants; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.officer_grants (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    person uuid NOT NULL,
    unit uuid NOT NULL,
    role text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    substitute_for uuid,
    granted_by uuid,
    granted_at timestamp with time zone DEFAULT core.now() NOT NULL,
    revoked_by uuid,
    revoked_at timestamp with time zone,
    revoke_reason text,
    CONSTRAINT officer_grants_revoke_reason_check CHECK ((length(revoke_reason) <= 500)),
    CONSTRAINT officer_grants_substitute_ends CHECK (((substitute_for IS NULL) OR (valid_to IS NOT NULL)))
);

ALTER TABLE core.officer_grants OWNER TO ihanoi_owner;

-- Name: idempotency_keys; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.idempotency_keys (
    digest bytea NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    hash text NOT NULL,
    status integer NOT NULL,
    etag text,
    location text,
    body json,
    same text,
    CONSTRAINT idempotency_keys_status_check CHECK (((status >= 200) AND (status <= 299)))
)
PARTITION BY RANGE (at);

ALTER TABLE core.idempotency_keys OWNER TO ihanoi_owner;

-- Name: outbox; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.outbox (
    id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    topic text NOT NULL,
    event text NOT NULL,
    subject uuid NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT outbox_event_check CHECK ((event ~ '^[a-z_]{1,64}$'::text)),
    CONSTRAINT outbox_topic_check CHECK ((topic ~ '^[a-z_][a-z0-9_]{0,31}$'::text))
)
PARTITION BY RANGE (at);

ALTER TABLE core.outbox OWNER TO ihanoi_owner;

-- Name: plugin_cursors; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.plugin_cursors (
    plugin text NOT NULL,
    xid xid8 NOT NULL,
    id bigint DEFAULT 0 NOT NULL,
    moved_at timestamp with time zone NOT NULL,
    before bigint DEFAULT 0 NOT NULL,
    seen pg_snapshot NOT NULL,
    upto pg_snapshot,
    at_xid xid8 DEFAULT '0'::xid8 NOT NULL,
    at_id bigint DEFAULT 0 NOT NULL
);

ALTER TABLE core.plugin_cursors OWNER TO ihanoi_owner;

-- Name: audit_chain(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.audit_chain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
    head core.audit_heads;
begin
    loop
        select h.* into head
        from core.audit_heads h
        where h.chain = new.chain
        for update;

        if found then
            new.seq := head.seq + 1;
            new.previous := head.hash;
            new.hash := core.audit_hash(new);

            update core.audit_heads h set seq = new.seq, hash = new.hash
            where h.chain = new.chain;

            return new;
        end if;

        new.seq := 1;
        new.previous := '\x';
        new.hash := core.audit_hash(new);

        insert into core.audit_heads (chain, seq, hash)
        values (new.chain, new.seq, new.hash)
        on conflict (chain) do nothing;

        if found then
            return new;
        end if;
    end loop;
end
$$;

ALTER FUNCTION core.audit_chain() OWNER TO ihanoi_owner;

-- Name: audit_events; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.audit_events (
    chain uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    kind text NOT NULL,
    event text NOT NULL,
    actor uuid,
    role text,
    unit uuid,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    operation text,
    request_id text,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_events_event_check CHECK ((event ~ '^[a-z_]{1,64}$'::text)),
    CONSTRAINT audit_events_kind_check CHECK ((kind ~ '^[a-z_]{1,32}$'::text)),
    CONSTRAINT audit_events_role_check CHECK ((role ~ '^[a-z_]{1,32}$'::text))
)
PARTITION BY RANGE (at);

ALTER TABLE core.audit_events OWNER TO ihanoi_owner;

-- Name: audit_hash(core.audit_events); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.audit_hash(e core.audit_events) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
begin
    return sha256(convert_to(jsonb_build_array(
        e.chain, e.seq, extract(epoch from e.at)::text, e.kind, e.event,
        e.actor, e.role, e.unit, e.details, e.operation, e.request_id,
        encode(e.previous, 'hex'))::text, 'UTF8'));
end
$$;

ALTER FUNCTION core.audit_hash(e core.audit_events) OWNER TO ihanoi_owner;

-- Name: clock_shifts(boolean); Type: PROCEDURE; Schema: core; Owner: ihanoi_owner

CREATE PROCEDURE core.clock_shifts(IN is_on boolean)
    LANGUAGE plpgsql
    AS $_$
begin
    if is_on then
        create or replace function core.now()
        returns timestamptz
        language sql stable parallel safe
        as $$
            select transaction_timestamp()
                   + coalesce(nullif(current_setting('core.clock_offset', true), ''),
                              '0')::interval
        $$;
    else
        create or replace function core.now()
        returns timestamptz
        language sql stable parallel safe
        as 'select transaction_timestamp()';
    end if;
end
$_$;

ALTER PROCEDURE core.clock_shifts(IN is_on boolean) OWNER TO ihanoi_owner;

-- Name: partitions_ensure(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.partitions_ensure() RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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

ALTER FUNCTION core.partitions_ensure() OWNER TO ihanoi_owner;

-- Name: partitions_ensure_of(text); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.partitions_ensure_of(of text) RETURNS text[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '300ms'
    AS $$
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

ALTER FUNCTION core.partitions_ensure_of(of text) OWNER TO ihanoi_owner;

-- Name: plugin_cursor_of_both(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.plugin_cursor_of_both() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
    earlier  boolean := new.seen is null;
begin
    if tg_op = 'UPDATE' then
        earlier := new.seen is null or new.seen::text = old.seen::text
                   and (new.xid, new.id) is distinct from (old.xid, old.id);
    end if;

    if earlier then
        new.seen := format('%1$s:%1$s:', greatest(new.xid, '1'));
        new.upto := null;
        new.at_xid := new.xid;
        new.at_id := new.id;
    else
        new.xid := pg_snapshot_xmin(new.seen);
        new.id := 0;
    end if;

    return new;
end
$_$;

ALTER FUNCTION core.plugin_cursor_of_both() OWNER TO ihanoi_owner;

-- Name: plugin_lock_taken(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.plugin_lock_taken() RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
end
$$;

ALTER FUNCTION core.plugin_lock_taken() OWNER TO ihanoi_owner;

-- Name: refuse_change(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    raise exception '%.% is append-only', tg_table_schema, tg_table_name
        using errcode = 'integrity_constraint_violation';
end
$$;

ALTER FUNCTION core.refuse_change() OWNER TO ihanoi_owner;

-- Name: seed_areas(jsonb); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.seed_areas(list jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $$
begin
    insert into geo.areas as a (id, code, unit, centre, valid_from)
    select core.uuid_of('area ' || r.code || ' ' || r.valid_from), r.code, u.id,
           st_setsrid(st_makepoint(r.long, r.lat), 4326), r.valid_from
    from jsonb_to_recordset(list) r (code text, lat float8, long float8,
                                     valid_from date)
         join core.units u on u.code = r.code
    on conflict (id) do update
    set centre = excluded.centre
    where not st_equals(a.centre, excluded.centre);

    update geo.areas a
    set radius_m = n.metres
    from (
        select x.id, d.metres
        from geo.areas x
             cross join lateral (
                 select st_distance(x.centre::geography, y.centre::geography) as metres
                 from geo.areas y
                 where y.id <> x.id and y.validity && x.validity
                 order by 1
                 offset 1
                 limit 1
             ) d
    ) n
    where n.id = a.id and a.radius_m is distinct from n.metres;
end
$$;

ALTER FUNCTION core.seed_areas(list jsonb) OWNER TO ihanoi_owner;

-- Name: seed_units(jsonb); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.seed_units(list jsonb) RETURNS void
    LANGUAGE plpgsql
    AS $$
begin
    insert into core.units as u (id, code, kind, valid_from, valid_to, verified)
    select core.uuid_of('unit ' || r.code), r.code, r.kind, r.valid_from,
           r.valid_to, r.verified
    from jsonb_to_recordset(list) r (code text, kind text, valid_from date,
                                     valid_to date, verified boolean)
    on conflict (code) do update
    set kind = excluded.kind, valid_from = excluded.valid_from,
        valid_to = excluded.valid_to, verified = excluded.verified,
        version = u.version + 1
    where (u.kind, u.valid_from, u.valid_to, u.verified)
          is distinct from (excluded.kind, excluded.valid_from,
                            excluded.valid_to, excluded.verified);

    with named as (
        insert into core.unit_names as n (unit, name_vi, name_en, valid_from)
        select u.id, r.name_vi, r.name_en, r.valid_from
        from jsonb_to_recordset(list) r (code text, name_vi text, name_en text,
                                         valid_from date)
             join core.units u on u.code = r.code
        on conflict (unit, valid_from) do update
        set name_vi = excluded.name_vi, name_en = excluded.name_en
        where (n.name_vi, n.name_en)
              is distinct from (excluded.name_vi, excluded.name_en)
        returning n.unit
    ),
    placed as (
        insert into core.unit_parents as p (unit, parent, valid_from)
        select u.id, above.id, r.valid_from
        from jsonb_to_recordset(list) r (code text, parent text, valid_from date)
             join core.units u on u.code = r.code
             join core.units above on above.code = r.parent
        on conflict (unit, valid_from) do update
        set parent = excluded.parent
        where p.parent is distinct from excluded.parent
        returning p.unit
    )
    update core.units u
    set version = u.version + 1
    where u.id in (select n.unit from named n union select p.unit from placed p);
end
$$;

ALTER FUNCTION core.seed_units(list jsonb) OWNER TO ihanoi_owner;

-- Name: sha256_hex(text); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.sha256_hex(words text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select encode(sha256(convert_to(words, 'UTF8')), 'hex')
$$;

ALTER FUNCTION core.sha256_hex(words text) OWNER TO ihanoi_owner;

-- Name: unit_parents_check(); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.unit_parents_check() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
    if exists (
        with recursive up (unit, validity) as (
            select new.parent, daterange(new.valid_from, new.valid_to, '[]')
            union
            select p.parent, up.validity * p.validity
            from up join core.unit_parents p
                 on p.unit = up.unit and p.validity && up.validity
        )
        select from up where up.unit = new.unit)
    then
        raise exception 'unit % would be above itself', new.unit
            using errcode = 'check_violation',
                  constraint = 'unit_parents_no_cycle';
    end if;

    return new;
end
$$;

ALTER FUNCTION core.unit_parents_check() OWNER TO ihanoi_owner;

-- Name: uuid_of(text); Type: FUNCTION; Schema: core; Owner: ihanoi_owner

CREATE FUNCTION core.uuid_of(name text) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select (left(h, 12) || '8' || substr(h, 14, 3) || '8' || substr(h, 18, 15))::uuid
    from (select core.sha256_hex('iHaNoi ' || name) as h) d
$$;

ALTER FUNCTION core.uuid_of(name text) OWNER TO ihanoi_owner;

-- Name: guard_case(); Type: FUNCTION; Schema: feedback; Owner: ihanoi_owner

CREATE FUNCTION feedback.guard_case() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
declare
    erased  constant text[] := '{text_public,address_public,lat,long,cell_small,cell_large}';
begin
    if tg_op = 'INSERT' then
        if new.state <> 'submitted' or new.last_action <> 'create'
           or new.version <> 1
        then
            raise exception 'a case begins as submitted, not as "%"', new.state
                using errcode = 'check_violation',
                      constraint = 'cases_begin_submitted';
        end if;

        return new;
    end if;

    if new.version <> old.version + 1 then
        -- an erasure: no action, and nobody sees another case
        if not old.listed
           and num_nonnulls(new.text_public, new.address_public, new.lat, new.long) = 0
           and to_jsonb(new) - erased = to_jsonb(old) - erased
        then
            return new;
        end if;

        raise exception 'a change of a case counts its version up by one'
            using errcode = 'check_violation',
                  constraint = 'cases_version_counts';
    end if;

    if not exists (
        select from feedback.transitions t
        where t.from_state = old.state and t.action = new.last_action
          and t.to_state = new.state
          and (old.state <> 'needs_info' or t.to_state = 'withdrawn'
               or t.to_state = old.previous_state))
    then
        raise exception 'no transition from "%" by "%" to "%"',
            old.state, new.last_action, new.state
            using errcode = 'check_violation',
                  constraint = 'cases_move_is_legal';
    end if;

    return new;
end
$$;

ALTER FUNCTION feedback.guard_case() OWNER TO ihanoi_owner;

-- Name: unlisted_keeps_nothing(); Type: FUNCTION; Schema: feedback; Owner: ihanoi_owner

CREATE FUNCTION feedback.unlisted_keeps_nothing() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    if exists (select from feedback.reports r
               where r.case_id = new.id and r.erased_at is not null)
    then
        update feedback.cases c
        set text_public = null, address_public = null, lat = null, long = null
        where c.id = new.id
          and num_nonnulls(c.text_public, c.address_public, c.lat, c.long) > 0;

        update feedback.messages m set public = null
        where m.case_id = new.id and m.author = new.reporter_id;

        update feedback.searches s set words = '' where s.case_id = new.id;
    end if;

    return null;
end
$$;

ALTER FUNCTION feedback.unlisted_keeps_nothing() OWNER TO ihanoi_owner;

-- Name: lock(text, boolean); Type: FUNCTION; Schema: ihanoi_host; Owner: ihanoi_owner

CREATE FUNCTION ihanoi_host.lock(name text, shared boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
    plugin  text := regexp_replace(session_user, '^deploy_(.+)_[0-9a-f]{8}$', 'plugin_\1');
    role    int := quote_ident(plugin)::regrole::oid;
    key     int := hashtext(lock.name);
    taken   bigint := pg_stat_get_xact_function_calls('core.plugin_lock_taken()'::regprocedure);
    many    boolean := false;
    held    boolean;
begin
    if lock.name is null or lock.shared is null then
        raise exception 'a lock has a name: name and shared are not null'
              using errcode = 'null_value_not_allowed';
    end if;

    if current_setting('is_superuser') = 'off'
       and (taken % 16 = 15 or current_setting('track_functions') = 'none')
    then
        select count(distinct l.objid) >= 32, bool_or(l.objid = key::oid) into many, held
          from pg_locks l
         where l.pid = pg_backend_pid() and l.locktype = 'advisory'
           and l.classid = role::oid and l.objsubid = 2;

        if many and not held then
            raise exception 'a transaction has at most 32 locks of a plugin'
                  using errcode = 'program_limit_exceeded';
        end if;
    end if;

    if not many then
        perform core.plugin_lock_taken();
    end if;

    if lock.shared then
        perform pg_advisory_xact_lock_shared(role, key);
    else
        perform pg_advisory_xact_lock(role, key);
    end if;

    -- Versions of plugins from before this function took these numbers for the same
    -- names, and may run beside one that calls it, as long as anybody may take them.
    if not has_function_privilege('public', 'pg_advisory_xact_lock(bigint)'::regprocedure,
                                  'execute')
    then
        return;
    elsif lock.shared then
        perform pg_advisory_xact_lock_shared(hashtextextended(lock.name, 0));
    else
        perform pg_advisory_xact_lock(hashtextextended(lock.name, 0));
    end if;
end
$_$;

ALTER FUNCTION ihanoi_host.lock(name text, shared boolean) OWNER TO ihanoi_owner;

-- Name: publish(text, uuid, jsonb); Type: FUNCTION; Schema: ihanoi_host; Owner: ihanoi_owner

CREATE FUNCTION ihanoi_host.publish(event text, key uuid, payload jsonb DEFAULT '{}'::jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
    plugin  text := substr(session_user, length('plugin_') + 1);
    number  bigint;
begin
    if session_user !~ '^plugin_[a-z][a-z0-9_]{0,31}$' then
        raise exception 'role % is no plugin''s', session_user
              using errcode = 'insufficient_privilege';
    end if;

    if split_part(publish.event, '.', 1) is distinct from plugin
       or publish.event !~ '^[a-z0-9_]+[.][a-z_]{1,64}$'
    then
        raise exception 'a plugin''s events are called %.<what happened>', plugin
              using errcode = 'insufficient_privilege';
    end if;

    if publish.key is null then
        raise exception 'an event is about something: key is null'
              using errcode = 'null_value_not_allowed';
    end if;

    if octet_length(publish.payload::text) > 65536 then
        raise exception 'an event''s payload has at most 65536 bytes'
              using errcode = 'program_limit_exceeded';
    end if;

    insert into core.outbox as o (topic, event, subject, payload)
    values (plugin, split_part(publish.event, '.', 2), publish.key,
            coalesce(publish.payload, '{}'))
    returning o.id into number;

    return number;
end
$_$;

ALTER FUNCTION ihanoi_host.publish(event text, key uuid, payload jsonb) OWNER TO ihanoi_owner;

-- Name: vietnamese; Type: TEXT SEARCH CONFIGURATION; Schema: feedback; Owner: ihanoi_owner

CREATE TEXT SEARCH CONFIGURATION feedback.vietnamese (
    PARSER = pg_catalog."default" );

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR asciiword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR word WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR numword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR email WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR url WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR host WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR sfloat WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR version WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR hword_numpart WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR hword_part WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR hword_asciipart WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR numhword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR asciihword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR hword WITH public.unaccent, simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR url_path WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR file WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR "float" WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR "int" WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese
    ADD MAPPING FOR uint WITH simple;

ALTER TEXT SEARCH CONFIGURATION feedback.vietnamese OWNER TO ihanoi_owner;

-- Name: audit_events_default; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.audit_events_default (
    chain uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    kind text NOT NULL,
    event text NOT NULL,
    actor uuid,
    role text,
    unit uuid,
    details jsonb DEFAULT '{}'::jsonb NOT NULL,
    operation text,
    request_id text,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_events_event_check CHECK ((event ~ '^[a-z_]{1,64}$'::text)),
    CONSTRAINT audit_events_kind_check CHECK ((kind ~ '^[a-z_]{1,32}$'::text)),
    CONSTRAINT audit_events_role_check CHECK ((role ~ '^[a-z_]{1,32}$'::text))
);

ALTER TABLE core.audit_events_default OWNER TO ihanoi_owner;

-- Name: audit_heads; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.audit_heads (
    chain uuid NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL
)
WITH (fillfactor='80');

ALTER TABLE core.audit_heads OWNER TO ihanoi_owner;

-- Name: calendar_days; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.calendar_days (
    calendar text NOT NULL,
    day date NOT NULL,
    hours_of integer,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    source text NOT NULL,
    verified boolean NOT NULL,
    CONSTRAINT calendar_days_hours_of_check CHECK (((hours_of >= 1) AND (hours_of <= 7)))
);

ALTER TABLE core.calendar_days OWNER TO ihanoi_owner;

-- Name: calendar_hours; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.calendar_hours (
    calendar text NOT NULL,
    weekday integer NOT NULL,
    opens_at time without time zone NOT NULL,
    closes_at time without time zone NOT NULL,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    minutes int4range GENERATED ALWAYS AS (int4range((((EXTRACT(hour FROM opens_at) * (60)::numeric) + EXTRACT(minute FROM opens_at)))::integer, (((EXTRACT(hour FROM closes_at) * (60)::numeric) + EXTRACT(minute FROM closes_at)))::integer)) STORED NOT NULL,
    CONSTRAINT calendar_hours_check CHECK ((closes_at >= opens_at)),
    CONSTRAINT calendar_hours_weekday_check CHECK (((weekday >= 1) AND (weekday <= 7)))
);

ALTER TABLE core.calendar_hours OWNER TO ihanoi_owner;

-- Name: calendars; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.calendars (
    code text NOT NULL,
    parent text,
    time_zone text DEFAULT 'Asia/Ho_Chi_Minh'::text NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT calendars_code_check CHECK ((code ~ '^[a-z0-9_-]{1,32}$'::text)),
    CONSTRAINT calendars_other CHECK ((code <> parent))
);

ALTER TABLE core.calendars OWNER TO ihanoi_owner;

-- Name: categories; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.categories (
    code text NOT NULL,
    "position" integer NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    severity text DEFAULT 'normal'::text NOT NULL,
    evidence_required boolean DEFAULT true NOT NULL,
    photo_required boolean DEFAULT false NOT NULL,
    private boolean DEFAULT false NOT NULL,
    reporter_hidden boolean DEFAULT false NOT NULL,
    blur_m integer DEFAULT 0 NOT NULL,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT categories_blur_m_check CHECK (((blur_m >= 0) AND (blur_m <= 5000))),
    CONSTRAINT categories_code_check CHECK ((code ~ '^[a-z_]{1,48}$'::text)),
    CONSTRAINT categories_name_en_check CHECK ((length(name_en) <= 200)),
    CONSTRAINT categories_name_vi_check CHECK ((length(name_vi) <= 200)),
    CONSTRAINT categories_severity_check CHECK ((severity = ANY (ARRAY['normal'::text, 'urgent'::text, 'complex'::text])))
);

ALTER TABLE core.categories OWNER TO ihanoi_owner;

-- Name: COLUMN categories.severity; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.categories.severity IS 'proposed when a case is filed; an officer confirms it at acceptance';

-- Name: COLUMN categories.evidence_required; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.categories.evidence_required IS 'a case of it is resolved with a photo or document, not by words alone';

-- Name: COLUMN categories.photo_required; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.categories.photo_required IS 'the citizen must add a photo (from when media can be uploaded)';

-- Name: COLUMN categories.private; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.categories.private IS 'cases of it never appear in public lists';

-- Name: COLUMN categories.reporter_hidden; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.categories.reporter_hidden IS 'the handling unit does not see who reported';

-- Name: COLUMN categories.blur_m; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.categories.blur_m IS 'the public sees the place rounded to about so many metres';

-- Name: denied_tokens; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.denied_tokens (
    iss text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    denied_before timestamp with time zone,
    forget_at timestamp with time zone NOT NULL,
    reason text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT core.now() NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT denied_tokens_iss_check CHECK (((length(iss) >= 1) AND (length(iss) <= 512))),
    CONSTRAINT denied_tokens_kind_check CHECK ((kind = ANY (ARRAY['jti'::text, 'sid'::text, 'sub'::text]))),
    CONSTRAINT denied_tokens_value_check CHECK (((length(value) >= 1) AND (length(value) <= 512)))
);

ALTER TABLE core.denied_tokens OWNER TO ihanoi_owner;

-- Name: erasures; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.erasures (
    person uuid NOT NULL,
    subject text NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL
);

ALTER TABLE core.erasures OWNER TO ihanoi_owner;

-- Name: idempotency_keys_default; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.idempotency_keys_default (
    digest bytea NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    hash text NOT NULL,
    status integer NOT NULL,
    etag text,
    location text,
    body json,
    same text,
    CONSTRAINT idempotency_keys_status_check CHECK (((status >= 200) AND (status <= 299)))
);

ALTER TABLE core.idempotency_keys_default OWNER TO ihanoi_owner;

-- Name: jobs; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.jobs (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    kind text NOT NULL,
    key text DEFAULT (gen_random_uuid())::text NOT NULL,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    run_at timestamp with time zone NOT NULL,
    every interval,
    state text DEFAULT 'due'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    max_attempts integer DEFAULT 10 NOT NULL,
    last_error text,
    ended_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT core.now() NOT NULL,
    alone boolean DEFAULT false NOT NULL,
    CONSTRAINT jobs_every_check CHECK ((every > '00:00:00'::interval)),
    CONSTRAINT jobs_kind_check CHECK ((kind ~ '^[a-z_]{1,48}$'::text)),
    CONSTRAINT jobs_max_attempts_check CHECK ((max_attempts > 0)),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['due'::text, 'done'::text, 'dead'::text, 'cancelled'::text])))
);

ALTER TABLE core.jobs OWNER TO ihanoi_owner;

-- Name: key_leases; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.key_leases (
    digest bytea NOT NULL,
    holder text NOT NULL,
    until timestamp with time zone NOT NULL
);

ALTER TABLE core.key_leases OWNER TO ihanoi_owner;

-- Name: TABLE key_leases; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON TABLE core.key_leases IS 'Idempotency keys whose handler runs now. holder: the request; until: others may try from then on.';

-- Name: leases; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.leases (
    name text NOT NULL,
    holder text NOT NULL,
    until timestamp with time zone NOT NULL
);

ALTER TABLE core.leases OWNER TO ihanoi_owner;

-- Name: officer_roles; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.officer_roles (
    code text NOT NULL,
    "position" integer NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT officer_roles_code_check CHECK ((code ~ '^[a-z_]{1,32}$'::text))
);

ALTER TABLE core.officer_roles OWNER TO ihanoi_owner;

-- Name: outbox_id; Type: SEQUENCE; Schema: core; Owner: ihanoi_owner

CREATE SEQUENCE core.outbox_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER TABLE core.outbox_id OWNER TO ihanoi_owner;

-- Name: outbox_id; Type: SEQUENCE OWNED BY; Schema: core; Owner: ihanoi_owner

ALTER SEQUENCE core.outbox_id OWNED BY core.outbox.id;

-- Name: outbox_default; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.outbox_default (
    id bigint DEFAULT nextval('core.outbox_id'::regclass) NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    topic text NOT NULL,
    event text NOT NULL,
    subject uuid NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT outbox_event_check CHECK ((event ~ '^[a-z_]{1,64}$'::text)),
    CONSTRAINT outbox_topic_check CHECK ((topic ~ '^[a-z_][a-z0-9_]{0,31}$'::text))
);

ALTER TABLE core.outbox_default OWNER TO ihanoi_owner;

-- Name: partitioned; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.partitioned (
    name text NOT NULL,
    keep interval,
    ahead integer DEFAULT 3 NOT NULL,
    step text DEFAULT 'month'::text NOT NULL,
    CONSTRAINT partitioned_step_check CHECK ((step = ANY (ARRAY['day'::text, 'month'::text])))
);

ALTER TABLE core.partitioned OWNER TO ihanoi_owner;

-- Name: people; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.people (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    issuer text,
    subject text,
    version bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT core.now() NOT NULL,
    erased_at timestamp with time zone,
    CONSTRAINT people_known_until_erased CHECK (
CASE
    WHEN (erased_at IS NULL) THEN ((issuer IS NOT NULL) AND (subject IS NOT NULL))
    ELSE ((issuer IS NULL) AND (subject IS NULL))
END)
);

ALTER TABLE core.people OWNER TO ihanoi_owner;

-- Name: personal; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.personal (
    person uuid NOT NULL,
    full_name text,
    phone text,
    email text,
    address text,
    commune text,
    birth_year integer,
    language text,
    updated_at timestamp with time zone DEFAULT core.now() NOT NULL,
    CONSTRAINT personal_address_check CHECK ((length(address) <= 500)),
    CONSTRAINT personal_birth_year_check CHECK (((birth_year >= 1900) AND (birth_year <= 2100))),
    CONSTRAINT personal_commune_check CHECK ((length(commune) <= 16)),
    CONSTRAINT personal_email_check CHECK ((length(email) <= 254)),
    CONSTRAINT personal_full_name_check CHECK ((length(full_name) <= 200)),
    CONSTRAINT personal_language_check CHECK ((language = ANY (ARRAY['vi'::text, 'en'::text]))),
    CONSTRAINT personal_phone_check CHECK ((length(phone) <= 20))
);

ALTER TABLE core.personal OWNER TO ihanoi_owner;

-- Name: plugin_deliveries; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.plugin_deliveries (
    plugin text NOT NULL,
    id bigint NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    topic text NOT NULL,
    event text NOT NULL,
    subject uuid NOT NULL,
    payload jsonb NOT NULL,
    state text DEFAULT 'due'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    outcome text,
    error text,
    run uuid,
    holder text,
    until timestamp with time zone,
    CONSTRAINT plugin_deliveries_error_check CHECK ((length(error) <= 500)),
    CONSTRAINT plugin_deliveries_run_has_end CHECK (((run IS NULL) = (until IS NULL))),
    CONSTRAINT plugin_deliveries_state_check CHECK ((state = ANY (ARRAY['due'::text, 'done'::text, 'dead'::text])))
);

ALTER TABLE core.plugin_deliveries OWNER TO ihanoi_owner;

-- Name: plugin_jobs; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.plugin_jobs (
    plugin text NOT NULL,
    job text NOT NULL,
    cron text NOT NULL,
    missed text NOT NULL,
    next_at timestamp with time zone NOT NULL,
    declared_at timestamp with time zone NOT NULL,
    run uuid,
    holder text,
    until timestamp with time zone,
    version text,
    due_at timestamp with time zone,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    outcome text,
    error text,
    success_at timestamp with time zone,
    misses bigint DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    losses integer DEFAULT 0 NOT NULL,
    CONSTRAINT plugin_jobs_error_check CHECK ((length(error) <= 500)),
    CONSTRAINT plugin_jobs_job_check CHECK ((job ~ '^[a-z][a-z0-9_]{0,31}$'::text)),
    CONSTRAINT plugin_jobs_missed_check CHECK ((missed = ANY (ARRAY['once'::text, 'skip'::text]))),
    CONSTRAINT plugin_jobs_plugin_check CHECK ((plugin ~ '^[a-z][a-z0-9_]{0,31}$'::text)),
    CONSTRAINT plugin_jobs_run_has_end CHECK (((run IS NULL) = (until IS NULL)))
);

ALTER TABLE core.plugin_jobs OWNER TO ihanoi_owner;

-- Name: COLUMN plugin_jobs.misses; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.plugin_jobs.misses IS 'Times at which nobody ran it until a minute later, by each of which one or none was made up for: missed.';

-- Name: COLUMN plugin_jobs.failures; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.plugin_jobs.failures IS 'Runs that failed or were lost since the last success.';

-- Name: COLUMN plugin_jobs.losses; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.plugin_jobs.losses IS 'Runs one after the other whose gateway did not report their end.';

-- Name: plugin_subscriptions; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.plugin_subscriptions (
    plugin text NOT NULL,
    topic text NOT NULL,
    event text NOT NULL,
    attempts integer NOT NULL,
    declared_at timestamp with time zone NOT NULL,
    CONSTRAINT plugin_subscriptions_attempts_check CHECK (((attempts >= 1) AND (attempts <= 100))),
    CONSTRAINT plugin_subscriptions_plugin_check CHECK ((plugin ~ '^[a-z][a-z0-9_]{0,31}$'::text))
);

ALTER TABLE core.plugin_subscriptions OWNER TO ihanoi_owner;

-- Name: privacy_notices; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.privacy_notices (
    version text NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    title_vi text NOT NULL,
    title_en text NOT NULL,
    text_vi text NOT NULL,
    text_en text NOT NULL,
    hash text GENERATED ALWAYS AS (core.sha256_hex(((text_vi || '

'::text) || text_en))) STORED NOT NULL,
    CONSTRAINT privacy_notices_version_check CHECK ((version ~ '^[0-9a-z.-]{1,32}$'::text))
);

ALTER TABLE core.privacy_notices OWNER TO ihanoi_owner;

-- Name: reasons; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.reasons (
    code text NOT NULL,
    "position" integer NOT NULL,
    uses text[] NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    template_vi text NOT NULL,
    template_en text NOT NULL,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT reasons_code_check CHECK ((code ~ '^[a-z_]{1,48}$'::text)),
    CONSTRAINT reasons_name_en_check CHECK ((length(name_en) <= 200)),
    CONSTRAINT reasons_name_vi_check CHECK ((length(name_vi) <= 200)),
    CONSTRAINT reasons_template_en_check CHECK ((length(template_en) <= 2000)),
    CONSTRAINT reasons_template_vi_check CHECK ((length(template_vi) <= 2000)),
    CONSTRAINT reasons_uses_check CHECK (((cardinality(uses) >= 1) AND (cardinality(uses) <= 8)))
);

ALTER TABLE core.reasons OWNER TO ihanoi_owner;

-- Name: COLUMN reasons.template_vi; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.reasons.template_vi IS 'the answer an officer starts from: refusals are coded and explained';

-- Name: settings; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.settings (
    name text NOT NULL,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    value jsonb NOT NULL,
    note text NOT NULL,
    CONSTRAINT settings_idempotency_keep CHECK (((name <> 'idempotency.keep_hours'::text) OR (((value)::integer >= 1) AND ((value)::integer <= 24)))),
    CONSTRAINT settings_name_check CHECK ((name ~ '^[a-z0-9_.]{1,64}$'::text))
);

ALTER TABLE core.settings OWNER TO ihanoi_owner;

-- Name: time_limits; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.time_limits (
    code text NOT NULL,
    amount numeric NOT NULL,
    measure text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    source text NOT NULL,
    verified boolean NOT NULL,
    CONSTRAINT time_limits_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT time_limits_code_check CHECK ((code ~ '^[a-z_.]{1,48}$'::text)),
    CONSTRAINT time_limits_measure_check CHECK ((measure = ANY (ARRAY['working_hours'::text, 'working_days'::text, 'calendar_days'::text])))
);

ALTER TABLE core.time_limits OWNER TO ihanoi_owner;

-- Name: unit_calendars; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.unit_calendars (
    unit uuid NOT NULL,
    calendar text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL
);

ALTER TABLE core.unit_calendars OWNER TO ihanoi_owner;

-- Name: unit_kinds; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.unit_kinds (
    code text NOT NULL,
    "position" integer NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT unit_kinds_code_check CHECK ((code ~ '^[a-z_]{1,32}$'::text))
);

ALTER TABLE core.unit_kinds OWNER TO ihanoi_owner;

-- Name: unit_names; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.unit_names (
    unit uuid NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    CONSTRAINT unit_names_name_en_check CHECK (((length(name_en) >= 1) AND (length(name_en) <= 200))),
    CONSTRAINT unit_names_name_vi_check CHECK (((length(name_vi) >= 1) AND (length(name_vi) <= 200)))
);

ALTER TABLE core.unit_names OWNER TO ihanoi_owner;

-- Name: unit_parents; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.unit_parents (
    unit uuid NOT NULL,
    parent uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    CONSTRAINT unit_parents_other CHECK ((unit <> parent))
);

ALTER TABLE core.unit_parents OWNER TO ihanoi_owner;

-- Name: unit_successors; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.unit_successors (
    unit uuid NOT NULL,
    successor uuid NOT NULL,
    since date NOT NULL,
    verified boolean DEFAULT true NOT NULL,
    note text,
    CONSTRAINT unit_successors_other CHECK ((unit <> successor))
);

ALTER TABLE core.unit_successors OWNER TO ihanoi_owner;

-- Name: units; Type: TABLE; Schema: core; Owner: ihanoi_owner

CREATE TABLE core.units (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    code text NOT NULL,
    kind text NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    verified boolean DEFAULT true NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    CONSTRAINT units_code_check CHECK ((code ~ '^[0-9A-Za-z-]{1,32}$'::text))
);

ALTER TABLE core.units OWNER TO ihanoi_owner;

-- Name: COLUMN units.verified; Type: COMMENT; Schema: core; Owner: ihanoi_owner

COMMENT ON COLUMN core.units.verified IS 'false: a date or name that no official source has confirmed to us';

-- Name: actions; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.actions (
    code text NOT NULL,
    "position" integer NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT actions_code_check CHECK ((code ~ '^[a-z_]{1,32}$'::text))
);

ALTER TABLE feedback.actions OWNER TO ihanoi_owner;

-- Name: approvals; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.approvals (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    unit uuid NOT NULL,
    category text,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL
);

ALTER TABLE feedback.approvals OWNER TO ihanoi_owner;

-- Name: messages; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.messages (
    case_id uuid NOT NULL,
    seq bigint NOT NULL,
    action text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    author uuid,
    text text,
    public text
);

ALTER TABLE feedback.messages OWNER TO ihanoi_owner;

-- Name: publications; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.publications (
    category text NOT NULL,
    publish text NOT NULL,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    CONSTRAINT publications_publish_check CHECK ((publish = ANY (ARRAY['accepted'::text, 'masked'::text])))
);

ALTER TABLE feedback.publications OWNER TO ihanoi_owner;

-- Name: ratings; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.ratings (
    case_id uuid NOT NULL,
    cycle integer NOT NULL,
    score smallint NOT NULL,
    reasons text[] DEFAULT '{}'::text[] NOT NULL,
    comment text,
    created_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone,
    changes integer DEFAULT 0 NOT NULL,
    CONSTRAINT ratings_change_once CHECK (((changes >= 0) AND (changes <= 1))),
    CONSTRAINT ratings_score_check CHECK (((score >= 1) AND (score <= 5)))
);

ALTER TABLE feedback.ratings OWNER TO ihanoi_owner;

-- Name: reports; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.reports (
    case_id uuid NOT NULL,
    text text,
    address text,
    lat double precision,
    long double precision,
    erased_at timestamp with time zone
);

ALTER TABLE feedback.reports OWNER TO ihanoi_owner;

-- Name: resolutions; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.resolutions (
    case_id uuid NOT NULL,
    cycle integer NOT NULL,
    answer text NOT NULL,
    evidence json NOT NULL,
    resolved_by uuid NOT NULL,
    resolved_at timestamp with time zone NOT NULL,
    approved_by uuid,
    approved_at timestamp with time zone,
    returned_at timestamp with time zone
);

ALTER TABLE feedback.resolutions OWNER TO ihanoi_owner;

-- Name: responsibilities; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.responsibilities (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    category text,
    area uuid,
    asset text,
    level text NOT NULL,
    unit uuid,
    valid_from date DEFAULT '2024-01-01'::date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    CONSTRAINT responsibilities_asset_check CHECK ((asset ~ '^[a-z_]{1,32}$'::text)),
    CONSTRAINT responsibilities_commune_is_ward CHECK (((unit IS NOT NULL) OR (level = 'ward'::text))),
    CONSTRAINT responsibilities_level_check CHECK ((level = ANY (ARRAY['asset_owner'::text, 'ward'::text, 'district'::text, 'city'::text])))
);

ALTER TABLE feedback.responsibilities OWNER TO ihanoi_owner;

-- Name: searches; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.searches (
    case_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    words tsvector NOT NULL
);

ALTER TABLE feedback.searches OWNER TO ihanoi_owner;

-- Name: COLUMN searches.words; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON COLUMN feedback.searches.words IS 'What feedback_words() of the release makes of the public text: "=đường" as typed, "=ổ=gà" neighbours as typed, "duong" without marks, "~…" commune, category, day and week';

-- Name: states; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.states (
    code text NOT NULL,
    kind text NOT NULL,
    "position" integer NOT NULL,
    listed boolean NOT NULL,
    name_vi text NOT NULL,
    name_en text NOT NULL,
    CONSTRAINT states_code_check CHECK ((code ~ '^[a-z_]{1,32}$'::text)),
    CONSTRAINT states_kind_check CHECK ((kind = ANY (ARRAY['open'::text, 'fixed'::text, 'closed'::text])))
);

ALTER TABLE feedback.states OWNER TO ihanoi_owner;

-- Name: TABLE states; Type: COMMENT; Schema: feedback; Owner: ihanoi_owner

COMMENT ON TABLE feedback.states IS 'States of a case. kind: open (a clock runs or pauses), fixed, closed. listed: the public sees cases in it.';

-- Name: transitions; Type: TABLE; Schema: feedback; Owner: ihanoi_owner

CREATE TABLE feedback.transitions (
    from_state text NOT NULL,
    action text NOT NULL,
    to_state text NOT NULL,
    who text[] NOT NULL,
    requires text[] DEFAULT '{}'::text[] NOT NULL,
    clock text DEFAULT 'none'::text NOT NULL,
    CONSTRAINT transitions_clock_check CHECK ((clock = ANY (ARRAY['none'::text, 'handle_start'::text, 'pause'::text, 'resume'::text, 'stop'::text, 'unit_restart'::text, 'unit_handle'::text, 'receive_restart'::text, 'handle_restart'::text]))),
    CONSTRAINT transitions_who_check CHECK (((cardinality(who) > 0) AND (who <@ ARRAY['reporter'::text, 'assignee'::text, 'receive'::text, 'assign'::text, 'approve'::text, 'oversee'::text, 'system'::text])))
);

ALTER TABLE feedback.transitions OWNER TO ihanoi_owner;

-- Name: areas; Type: TABLE; Schema: geo; Owner: ihanoi_owner

CREATE TABLE geo.areas (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    code text NOT NULL,
    unit uuid NOT NULL,
    centre public.geometry(Point,4326) NOT NULL,
    radius_m double precision,
    valid_from date NOT NULL,
    valid_to date,
    validity daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to, '[]'::text)) STORED NOT NULL,
    CONSTRAINT areas_code_check CHECK ((code ~ '^[0-9A-Za-z-]{1,32}$'::text)),
    CONSTRAINT areas_radius_m_check CHECK ((radius_m > (0)::double precision))
);

ALTER TABLE geo.areas OWNER TO ihanoi_owner;

-- Name: boundaries; Type: TABLE; Schema: geo; Owner: ihanoi_owner

CREATE TABLE geo.boundaries (
    area uuid NOT NULL,
    import uuid NOT NULL,
    repaired boolean NOT NULL,
    geom public.geometry(MultiPolygon,4326) NOT NULL,
    CONSTRAINT boundaries_geom_check CHECK (public.st_isvalid(geom))
);

ALTER TABLE geo.boundaries OWNER TO ihanoi_owner;

-- Name: imports; Type: TABLE; Schema: geo; Owner: ihanoi_owner

CREATE TABLE geo.imports (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    at timestamp with time zone DEFAULT core.now() NOT NULL,
    source text NOT NULL,
    report jsonb NOT NULL
);

ALTER TABLE geo.imports OWNER TO ihanoi_owner;

-- Name: pieces; Type: TABLE; Schema: geo; Owner: ihanoi_owner

CREATE TABLE geo.pieces (
    area uuid NOT NULL,
    geom public.geometry(Geometry,4326) NOT NULL
);

ALTER TABLE geo.pieces OWNER TO ihanoi_owner;

-- Name: demo; Type: TABLE; Schema: ihanoi; Owner: ihanoi_owner

CREATE TABLE ihanoi.demo (
    name text NOT NULL,
    loaded_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ihanoi.demo OWNER TO ihanoi_owner;

-- Name: migrations; Type: TABLE; Schema: ihanoi; Owner: ihanoi_owner

CREATE TABLE ihanoi.migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ihanoi.migrations OWNER TO ihanoi_owner;

-- Name: releases; Type: TABLE; Schema: ihanoi; Owner: ihanoi_owner

CREATE TABLE ihanoi.releases (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ihanoi.releases OWNER TO ihanoi_owner;

-- Name: audit_events_default; Type: TABLE ATTACH; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.audit_events ATTACH PARTITION core.audit_events_default DEFAULT;

-- Name: idempotency_keys_default; Type: TABLE ATTACH; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.idempotency_keys ATTACH PARTITION core.idempotency_keys_default DEFAULT;

-- Name: outbox_default; Type: TABLE ATTACH; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.outbox ATTACH PARTITION core.outbox_default DEFAULT;

-- Name: outbox id; Type: DEFAULT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.outbox ALTER COLUMN id SET DEFAULT nextval('core.outbox_id'::regclass);

-- Name: audit_events audit_events_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.audit_events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (chain, seq, at);

-- Name: audit_events_default audit_events_default_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.audit_events_default
    ADD CONSTRAINT audit_events_default_pkey PRIMARY KEY (chain, seq, at);

-- Name: audit_heads audit_heads_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.audit_heads
    ADD CONSTRAINT audit_heads_pkey PRIMARY KEY (chain);

-- Name: calendar_days calendar_days_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendar_days
    ADD CONSTRAINT calendar_days_pkey PRIMARY KEY (calendar, day);

-- Name: calendar_hours calendar_hours_apart; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendar_hours
    ADD CONSTRAINT calendar_hours_apart EXCLUDE USING gist (calendar WITH =, weekday WITH =, validity WITH &&, minutes WITH &&);

-- Name: calendar_hours calendar_hours_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendar_hours
    ADD CONSTRAINT calendar_hours_pkey PRIMARY KEY (calendar, weekday, opens_at, valid_from);

-- Name: calendars calendars_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendars
    ADD CONSTRAINT calendars_pkey PRIMARY KEY (code);

-- Name: categories categories_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.categories
    ADD CONSTRAINT categories_pkey PRIMARY KEY (code);

-- Name: consents consents_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.consents
    ADD CONSTRAINT consents_pkey PRIMARY KEY (id);

-- Name: denied_tokens denied_tokens_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.denied_tokens
    ADD CONSTRAINT denied_tokens_pkey PRIMARY KEY (iss, kind, value);

-- Name: erasures erasures_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.erasures
    ADD CONSTRAINT erasures_pkey PRIMARY KEY (person);

-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (digest, at);

-- Name: idempotency_keys_default idempotency_keys_default_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.idempotency_keys_default
    ADD CONSTRAINT idempotency_keys_default_pkey PRIMARY KEY (digest, at);

-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

-- Name: key_leases key_leases_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.key_leases
    ADD CONSTRAINT key_leases_pkey PRIMARY KEY (digest);

-- Name: leases leases_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);

-- Name: officer_grants officer_grants_once; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_once EXCLUDE USING gist (person WITH =, unit WITH =, role WITH =, validity WITH &&) WHERE ((revoked_at IS NULL));

-- Name: officer_grants officer_grants_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_pkey PRIMARY KEY (id);

-- Name: officer_roles officer_roles_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_roles
    ADD CONSTRAINT officer_roles_pkey PRIMARY KEY (code);

-- Name: officer_roles officer_roles_position_key; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_roles
    ADD CONSTRAINT officer_roles_position_key UNIQUE ("position");

-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id, at);

-- Name: outbox_default outbox_default_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.outbox_default
    ADD CONSTRAINT outbox_default_pkey PRIMARY KEY (id, at);

-- Name: partitioned partitioned_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.partitioned
    ADD CONSTRAINT partitioned_pkey PRIMARY KEY (name);

-- Name: people people_issuer_subject_unique; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.people
    ADD CONSTRAINT people_issuer_subject_unique UNIQUE (issuer, subject);

-- Name: people people_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);

-- Name: personal personal_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.personal
    ADD CONSTRAINT personal_pkey PRIMARY KEY (person);

-- Name: plugin_cursors plugin_cursors_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.plugin_cursors
    ADD CONSTRAINT plugin_cursors_pkey PRIMARY KEY (plugin);

-- Name: plugin_deliveries plugin_deliveries_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.plugin_deliveries
    ADD CONSTRAINT plugin_deliveries_pkey PRIMARY KEY (plugin, id);

-- Name: plugin_jobs plugin_jobs_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.plugin_jobs
    ADD CONSTRAINT plugin_jobs_pkey PRIMARY KEY (plugin, job);

-- Name: plugin_subscriptions plugin_subscriptions_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.plugin_subscriptions
    ADD CONSTRAINT plugin_subscriptions_pkey PRIMARY KEY (plugin, topic, event);

-- Name: privacy_notices privacy_notices_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.privacy_notices
    ADD CONSTRAINT privacy_notices_pkey PRIMARY KEY (version);

-- Name: reasons reasons_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.reasons
    ADD CONSTRAINT reasons_pkey PRIMARY KEY (code);

-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name, valid_from);

-- Name: time_limits time_limits_one_at_a_time; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.time_limits
    ADD CONSTRAINT time_limits_one_at_a_time EXCLUDE USING gist (code WITH =, validity WITH &&);

-- Name: time_limits time_limits_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.time_limits
    ADD CONSTRAINT time_limits_pkey PRIMARY KEY (code, valid_from);

-- Name: unit_calendars unit_calendars_one_at_a_time; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_calendars
    ADD CONSTRAINT unit_calendars_one_at_a_time EXCLUDE USING gist (unit WITH =, validity WITH &&);

-- Name: unit_calendars unit_calendars_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_calendars
    ADD CONSTRAINT unit_calendars_pkey PRIMARY KEY (unit, valid_from);

-- Name: unit_kinds unit_kinds_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_kinds
    ADD CONSTRAINT unit_kinds_pkey PRIMARY KEY (code);

-- Name: unit_kinds unit_kinds_position_key; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_kinds
    ADD CONSTRAINT unit_kinds_position_key UNIQUE ("position");

-- Name: unit_names unit_names_one_at_a_time; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_names
    ADD CONSTRAINT unit_names_one_at_a_time EXCLUDE USING gist (unit WITH =, validity WITH &&);

-- Name: unit_names unit_names_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_names
    ADD CONSTRAINT unit_names_pkey PRIMARY KEY (unit, valid_from);

-- Name: unit_parents unit_parents_one_at_a_time; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_parents
    ADD CONSTRAINT unit_parents_one_at_a_time EXCLUDE USING gist (unit WITH =, validity WITH &&);

-- Name: unit_parents unit_parents_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_parents
    ADD CONSTRAINT unit_parents_pkey PRIMARY KEY (unit, valid_from);

-- Name: unit_successors unit_successors_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_successors
    ADD CONSTRAINT unit_successors_pkey PRIMARY KEY (unit, successor);

-- Name: units units_code_key; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.units
    ADD CONSTRAINT units_code_key UNIQUE (code);

-- Name: units units_pkey; Type: CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.units
    ADD CONSTRAINT units_pkey PRIMARY KEY (id);

-- Name: actions actions_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.actions
    ADD CONSTRAINT actions_pkey PRIMARY KEY (code);

-- Name: actions actions_position_key; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.actions
    ADD CONSTRAINT actions_position_key UNIQUE ("position");

-- Name: approvals approvals_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.approvals
    ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);

-- Name: cases cases_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.cases
    ADD CONSTRAINT cases_pkey PRIMARY KEY (id);

-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (case_id, seq);

-- Name: publications publications_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.publications
    ADD CONSTRAINT publications_pkey PRIMARY KEY (category, valid_from);

-- Name: ratings ratings_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.ratings
    ADD CONSTRAINT ratings_pkey PRIMARY KEY (case_id, cycle);

-- Name: reports reports_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.reports
    ADD CONSTRAINT reports_pkey PRIMARY KEY (case_id);

-- Name: resolutions resolutions_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.resolutions
    ADD CONSTRAINT resolutions_pkey PRIMARY KEY (case_id, cycle);

-- Name: responsibilities responsibilities_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.responsibilities
    ADD CONSTRAINT responsibilities_pkey PRIMARY KEY (id);

-- Name: searches searches_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.searches
    ADD CONSTRAINT searches_pkey PRIMARY KEY (case_id);

-- Name: states states_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.states
    ADD CONSTRAINT states_pkey PRIMARY KEY (code);

-- Name: states states_position_key; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.states
    ADD CONSTRAINT states_position_key UNIQUE ("position");

-- Name: transitions transitions_pkey; Type: CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.transitions
    ADD CONSTRAINT transitions_pkey PRIMARY KEY (from_state, action, to_state);

-- Name: areas areas_code_once; Type: CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.areas
    ADD CONSTRAINT areas_code_once EXCLUDE USING gist (code WITH =, validity WITH &&);

-- Name: areas areas_pkey; Type: CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.areas
    ADD CONSTRAINT areas_pkey PRIMARY KEY (id);

-- Name: boundaries boundaries_pkey; Type: CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.boundaries
    ADD CONSTRAINT boundaries_pkey PRIMARY KEY (area);

-- Name: imports imports_pkey; Type: CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);

-- Name: demo demo_pkey; Type: CONSTRAINT; Schema: ihanoi; Owner: ihanoi_owner

ALTER TABLE ONLY ihanoi.demo
    ADD CONSTRAINT demo_pkey PRIMARY KEY (name);

-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: ihanoi; Owner: ihanoi_owner

ALTER TABLE ONLY ihanoi.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

-- Name: releases releases_pkey; Type: CONSTRAINT; Schema: ihanoi; Owner: ihanoi_owner

ALTER TABLE ONLY ihanoi.releases
    ADD CONSTRAINT releases_pkey PRIMARY KEY (name);

-- Name: consents_person; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX consents_person ON core.consents USING btree (person, at DESC);

-- Name: denied_tokens_xid; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX denied_tokens_xid ON core.denied_tokens USING btree (xid);

-- Name: jobs_due; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX jobs_due ON core.jobs USING btree (run_at) WHERE (state = 'due'::text);

-- Name: jobs_due_once; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE UNIQUE INDEX jobs_due_once ON core.jobs USING btree (kind, key) WHERE (state = 'due'::text);

-- Name: jobs_ended; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX jobs_ended ON core.jobs USING btree (ended_at) WHERE (state = ANY (ARRAY['done'::text, 'cancelled'::text]));

-- Name: key_leases_until; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX key_leases_until ON core.key_leases USING btree (until);

-- Name: officer_grants_person; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX officer_grants_person ON core.officer_grants USING btree (person, role);

-- Name: officer_grants_substitute; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX officer_grants_substitute ON core.officer_grants USING btree (substitute_for) WHERE (substitute_for IS NOT NULL);

-- Name: officer_grants_unit; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX officer_grants_unit ON core.officer_grants USING btree (unit);

-- Name: outbox_watermark; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX outbox_watermark ON ONLY core.outbox USING btree (xid, id);

-- Name: outbox_default_xid_id_idx; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX outbox_default_xid_id_idx ON core.outbox_default USING btree (xid, id);

-- Name: plugin_deliveries_due; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX plugin_deliveries_due ON core.plugin_deliveries USING btree (plugin, xid, id) WHERE (state = 'due'::text);

-- Name: plugin_deliveries_over; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX plugin_deliveries_over ON core.plugin_deliveries USING btree (plugin, state) WHERE (state <> 'due'::text);

-- Name: plugin_deliveries_subject; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX plugin_deliveries_subject ON core.plugin_deliveries USING btree (plugin, subject, xid, id) WHERE (state = 'due'::text);

-- Name: unit_parents_parent; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX unit_parents_parent ON core.unit_parents USING btree (parent);

-- Name: units_kind; Type: INDEX; Schema: core; Owner: ihanoi_owner

CREATE INDEX units_kind ON core.units USING btree (kind, code);

-- Name: approvals_unit; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX approvals_unit ON feedback.approvals USING btree (unit);

-- Name: cases_code; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE UNIQUE INDEX cases_code ON feedback.cases USING btree (code);

-- Name: cases_desk; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_desk ON feedback.cases USING btree (unit, unit_due_at, id) WHERE (state = ANY (ARRAY['submitted'::text, 'needs_info'::text, 'accepted'::text, 'assigned'::text, 'transferred'::text, 'in_progress'::text, 'scheduled'::text, 'reopened'::text]));

-- Name: cases_desk_assignee; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_desk_assignee ON feedback.cases USING btree (assignee_id, unit_due_at, id) WHERE (state = ANY (ARRAY['submitted'::text, 'needs_info'::text, 'accepted'::text, 'assigned'::text, 'transferred'::text, 'in_progress'::text, 'scheduled'::text, 'reopened'::text]));

-- Name: cases_desk_state; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_desk_state ON feedback.cases USING btree (unit, state, unit_due_at, id) WHERE (state = ANY (ARRAY['submitted'::text, 'needs_info'::text, 'accepted'::text, 'assigned'::text, 'transferred'::text, 'in_progress'::text, 'scheduled'::text, 'reopened'::text]));

-- Name: cases_listed; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed ON feedback.cases USING btree (created_at, id) WHERE listed;

-- Name: cases_listed_category; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_category ON feedback.cases USING btree (category, created_at, id) WHERE listed;

-- Name: cases_listed_category_state; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_category_state ON feedback.cases USING btree (category, state, created_at, id) WHERE listed;

-- Name: cases_listed_cell_large; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_cell_large ON feedback.cases USING btree (cell_large, created_at, id) WHERE listed;

-- Name: cases_listed_cell_small; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_cell_small ON feedback.cases USING btree (cell_small, created_at, id) WHERE listed;

-- Name: cases_listed_commune; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_commune ON feedback.cases USING btree (commune, created_at, id, category) WHERE listed;

-- Name: cases_listed_commune_state; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_commune_state ON feedback.cases USING btree (commune, state, created_at, id, category) WHERE listed;

-- Name: cases_listed_state; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_listed_state ON feedback.cases USING btree (state, created_at, id) WHERE listed;

-- Name: cases_reporter; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX cases_reporter ON feedback.cases USING btree (reporter_id, created_at, id);

-- Name: responsibilities_once; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE UNIQUE INDEX responsibilities_once ON feedback.responsibilities USING btree (COALESCE(category, ''::text), COALESCE(area, '00000000-0000-0000-0000-000000000000'::uuid), COALESCE(asset, ''::text), level, valid_from);

-- Name: searches_words; Type: INDEX; Schema: feedback; Owner: ihanoi_owner

CREATE INDEX searches_words ON feedback.searches USING gin (words) WITH (fastupdate=off);

-- Name: areas_centre; Type: INDEX; Schema: geo; Owner: ihanoi_owner

CREATE INDEX areas_centre ON geo.areas USING gist (centre);

-- Name: areas_unit; Type: INDEX; Schema: geo; Owner: ihanoi_owner

CREATE INDEX areas_unit ON geo.areas USING btree (unit);

-- Name: pieces_area; Type: INDEX; Schema: geo; Owner: ihanoi_owner

CREATE INDEX pieces_area ON geo.pieces USING btree (area);

-- Name: pieces_geom; Type: INDEX; Schema: geo; Owner: ihanoi_owner

CREATE INDEX pieces_geom ON geo.pieces USING gist (geom);

-- Name: audit_events_default_pkey; Type: INDEX ATTACH; Schema: core; Owner: ihanoi_owner

ALTER INDEX core.audit_events_pkey ATTACH PARTITION core.audit_events_default_pkey;

-- Name: idempotency_keys_default_pkey; Type: INDEX ATTACH; Schema: core; Owner: ihanoi_owner

ALTER INDEX core.idempotency_keys_pkey ATTACH PARTITION core.idempotency_keys_default_pkey;

-- Name: outbox_default_pkey; Type: INDEX ATTACH; Schema: core; Owner: ihanoi_owner

ALTER INDEX core.outbox_pkey ATTACH PARTITION core.outbox_default_pkey;

-- Name: outbox_default_xid_id_idx; Type: INDEX ATTACH; Schema: core; Owner: ihanoi_owner

ALTER INDEX core.outbox_watermark ATTACH PARTITION core.outbox_default_xid_id_idx;

-- Name: audit_events audit_events_append_only; Type: TRIGGER; Schema: core; Owner: ihanoi_owner

CREATE TRIGGER audit_events_append_only BEFORE DELETE OR UPDATE ON core.audit_events FOR EACH ROW EXECUTE FUNCTION core.refuse_change();

-- Name: audit_events audit_events_chained; Type: TRIGGER; Schema: core; Owner: ihanoi_owner

CREATE TRIGGER audit_events_chained BEFORE INSERT ON core.audit_events FOR EACH ROW EXECUTE FUNCTION core.audit_chain();

-- Name: audit_events audit_events_no_truncate; Type: TRIGGER; Schema: core; Owner: ihanoi_owner

CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON core.audit_events FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- Name: consents consents_append_only; Type: TRIGGER; Schema: core; Owner: ihanoi_owner

CREATE TRIGGER consents_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON core.consents FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();

-- Name: plugin_cursors plugin_cursors_of_both; Type: TRIGGER; Schema: core; Owner: ihanoi_owner

CREATE TRIGGER plugin_cursors_of_both BEFORE INSERT OR UPDATE ON core.plugin_cursors FOR EACH ROW EXECUTE FUNCTION core.plugin_cursor_of_both();

-- Name: unit_parents unit_parents_no_cycle; Type: TRIGGER; Schema: core; Owner: ihanoi_owner

CREATE TRIGGER unit_parents_no_cycle AFTER INSERT OR UPDATE ON core.unit_parents FOR EACH ROW EXECUTE FUNCTION core.unit_parents_check();

-- Name: cases cases_guard; Type: TRIGGER; Schema: feedback; Owner: ihanoi_owner

CREATE TRIGGER cases_guard BEFORE INSERT OR UPDATE ON feedback.cases FOR EACH ROW EXECUTE FUNCTION feedback.guard_case();

-- Name: cases cases_unlisted_keep_nothing; Type: TRIGGER; Schema: feedback; Owner: ihanoi_owner

CREATE CONSTRAINT TRIGGER cases_unlisted_keep_nothing AFTER UPDATE OF listed ON feedback.cases DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((old.listed AND (NOT new.listed))) EXECUTE FUNCTION feedback.unlisted_keeps_nothing();

-- Name: audit_events audit_events_actor_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE core.audit_events
    ADD CONSTRAINT audit_events_actor_fkey FOREIGN KEY (actor) REFERENCES core.people(id);

-- Name: calendar_days calendar_days_calendar_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendar_days
    ADD CONSTRAINT calendar_days_calendar_fkey FOREIGN KEY (calendar) REFERENCES core.calendars(code);

-- Name: calendar_hours calendar_hours_calendar_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendar_hours
    ADD CONSTRAINT calendar_hours_calendar_fkey FOREIGN KEY (calendar) REFERENCES core.calendars(code);

-- Name: calendars calendars_parent_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.calendars
    ADD CONSTRAINT calendars_parent_fkey FOREIGN KEY (parent) REFERENCES core.calendars(code);

-- Name: consents consents_notice_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.consents
    ADD CONSTRAINT consents_notice_fkey FOREIGN KEY (notice) REFERENCES core.privacy_notices(version);

-- Name: consents consents_person_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.consents
    ADD CONSTRAINT consents_person_fkey FOREIGN KEY (person) REFERENCES core.people(id);

-- Name: officer_grants officer_grants_granted_by_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES core.people(id);

-- Name: officer_grants officer_grants_person_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_person_fkey FOREIGN KEY (person) REFERENCES core.people(id);

-- Name: officer_grants officer_grants_revoked_by_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_revoked_by_fkey FOREIGN KEY (revoked_by) REFERENCES core.people(id);

-- Name: officer_grants officer_grants_role_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_role_fkey FOREIGN KEY (role) REFERENCES core.officer_roles(code);

-- Name: officer_grants officer_grants_substitute_for_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_substitute_for_fkey FOREIGN KEY (substitute_for) REFERENCES core.officer_grants(id);

-- Name: officer_grants officer_grants_unit_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.officer_grants
    ADD CONSTRAINT officer_grants_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: personal personal_person_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.personal
    ADD CONSTRAINT personal_person_fkey FOREIGN KEY (person) REFERENCES core.people(id);

-- Name: unit_calendars unit_calendars_calendar_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_calendars
    ADD CONSTRAINT unit_calendars_calendar_fkey FOREIGN KEY (calendar) REFERENCES core.calendars(code);

-- Name: unit_calendars unit_calendars_unit_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_calendars
    ADD CONSTRAINT unit_calendars_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: unit_names unit_names_unit_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_names
    ADD CONSTRAINT unit_names_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: unit_parents unit_parents_parent_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_parents
    ADD CONSTRAINT unit_parents_parent_fkey FOREIGN KEY (parent) REFERENCES core.units(id);

-- Name: unit_parents unit_parents_unit_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_parents
    ADD CONSTRAINT unit_parents_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: unit_successors unit_successors_successor_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_successors
    ADD CONSTRAINT unit_successors_successor_fkey FOREIGN KEY (successor) REFERENCES core.units(id);

-- Name: unit_successors unit_successors_unit_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.unit_successors
    ADD CONSTRAINT unit_successors_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: units units_kind_fkey; Type: FK CONSTRAINT; Schema: core; Owner: ihanoi_owner

ALTER TABLE ONLY core.units
    ADD CONSTRAINT units_kind_fkey FOREIGN KEY (kind) REFERENCES core.unit_kinds(code);

-- Name: approvals approvals_category_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.approvals
    ADD CONSTRAINT approvals_category_fkey FOREIGN KEY (category) REFERENCES core.categories(code);

-- Name: approvals approvals_unit_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.approvals
    ADD CONSTRAINT approvals_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: cases cases_assignee_id_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.cases
    ADD CONSTRAINT cases_assignee_id_fkey FOREIGN KEY (assignee_id) REFERENCES core.people(id);

-- Name: cases cases_category_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.cases
    ADD CONSTRAINT cases_category_fkey FOREIGN KEY (category) REFERENCES core.categories(code);

-- Name: cases cases_reporter_id_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.cases
    ADD CONSTRAINT cases_reporter_id_fkey FOREIGN KEY (reporter_id) REFERENCES core.people(id);

-- Name: cases cases_unit_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.cases
    ADD CONSTRAINT cases_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: messages messages_action_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.messages
    ADD CONSTRAINT messages_action_fkey FOREIGN KEY (action) REFERENCES feedback.actions(code);

-- Name: messages messages_author_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.messages
    ADD CONSTRAINT messages_author_fkey FOREIGN KEY (author) REFERENCES core.people(id);

-- Name: messages messages_case_id_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.messages
    ADD CONSTRAINT messages_case_id_fkey FOREIGN KEY (case_id) REFERENCES feedback.cases(id);

-- Name: publications publications_category_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.publications
    ADD CONSTRAINT publications_category_fkey FOREIGN KEY (category) REFERENCES core.categories(code);

-- Name: ratings ratings_case_id_cycle_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.ratings
    ADD CONSTRAINT ratings_case_id_cycle_fkey FOREIGN KEY (case_id, cycle) REFERENCES feedback.resolutions(case_id, cycle);

-- Name: reports reports_case_id_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.reports
    ADD CONSTRAINT reports_case_id_fkey FOREIGN KEY (case_id) REFERENCES feedback.cases(id);

-- Name: resolutions resolutions_case_id_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.resolutions
    ADD CONSTRAINT resolutions_case_id_fkey FOREIGN KEY (case_id) REFERENCES feedback.cases(id);

-- Name: responsibilities responsibilities_area_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.responsibilities
    ADD CONSTRAINT responsibilities_area_fkey FOREIGN KEY (area) REFERENCES core.units(id);

-- Name: responsibilities responsibilities_category_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.responsibilities
    ADD CONSTRAINT responsibilities_category_fkey FOREIGN KEY (category) REFERENCES core.categories(code);

-- Name: responsibilities responsibilities_unit_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.responsibilities
    ADD CONSTRAINT responsibilities_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: searches searches_case_id_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.searches
    ADD CONSTRAINT searches_case_id_fkey FOREIGN KEY (case_id) REFERENCES feedback.cases(id);

-- Name: transitions transitions_action_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.transitions
    ADD CONSTRAINT transitions_action_fkey FOREIGN KEY (action) REFERENCES feedback.actions(code);

-- Name: transitions transitions_from_state_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.transitions
    ADD CONSTRAINT transitions_from_state_fkey FOREIGN KEY (from_state) REFERENCES feedback.states(code);

-- Name: transitions transitions_to_state_fkey; Type: FK CONSTRAINT; Schema: feedback; Owner: ihanoi_owner

ALTER TABLE ONLY feedback.transitions
    ADD CONSTRAINT transitions_to_state_fkey FOREIGN KEY (to_state) REFERENCES feedback.states(code);

-- Name: areas areas_unit_fkey; Type: FK CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.areas
    ADD CONSTRAINT areas_unit_fkey FOREIGN KEY (unit) REFERENCES core.units(id);

-- Name: boundaries boundaries_area_fkey; Type: FK CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.boundaries
    ADD CONSTRAINT boundaries_area_fkey FOREIGN KEY (area) REFERENCES geo.areas(id);

-- Name: boundaries boundaries_import_fkey; Type: FK CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.boundaries
    ADD CONSTRAINT boundaries_import_fkey FOREIGN KEY (import) REFERENCES geo.imports(id);

-- Name: pieces pieces_area_fkey; Type: FK CONSTRAINT; Schema: geo; Owner: ihanoi_owner

ALTER TABLE ONLY geo.pieces
    ADD CONSTRAINT pieces_area_fkey FOREIGN KEY (area) REFERENCES geo.areas(id);

-- Name: SCHEMA core; Type: ACL; Schema: -; Owner: ihanoi_owner

GRANT USAGE ON SCHEMA core TO ihanoi_read;
GRANT USAGE ON SCHEMA core TO ihanoi_write;
GRANT USAGE ON SCHEMA core TO ihanoi_control;

-- Name: SCHEMA feedback; Type: ACL; Schema: -; Owner: ihanoi_owner

GRANT USAGE ON SCHEMA feedback TO ihanoi_read;
GRANT USAGE ON SCHEMA feedback TO ihanoi_write;
GRANT USAGE ON SCHEMA feedback TO ihanoi_control;

-- Name: SCHEMA geo; Type: ACL; Schema: -; Owner: ihanoi_owner

GRANT USAGE ON SCHEMA geo TO ihanoi_read;
GRANT USAGE ON SCHEMA geo TO ihanoi_write;
GRANT USAGE ON SCHEMA geo TO ihanoi_control;

-- Name: SCHEMA ihanoi_host; Type: ACL; Schema: -; Owner: ihanoi_owner

GRANT USAGE ON SCHEMA ihanoi_host TO PUBLIC;

-- Name: TABLE consents; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.consents TO ihanoi_read;
GRANT INSERT ON TABLE core.consents TO ihanoi_write;

-- Name: TABLE cases; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.cases TO ihanoi_read;
GRANT SELECT,INSERT ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.updated_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(updated_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.version; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(version) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.state; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(state) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.last_action; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(last_action) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.previous_state; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(previous_state) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.listed; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(listed) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.cycle; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(cycle) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.category; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(category) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.severity; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(severity) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.commune; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(commune) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.commune_brief; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(commune_brief) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.lat; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(lat) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.long; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(long) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.address_public; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(address_public) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.located_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(located_by) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.unit; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(unit) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.unit_code; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(unit_code) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.unit_brief; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(unit_brief) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.routed_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(routed_by) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.transferred_from; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(transferred_from) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.bounces; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(bounces) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.text_public; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(text_public) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.published_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(published_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.answer_public; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(answer_public) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.evidence_public; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(evidence_public) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.evidence_exempt; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(evidence_exempt) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.reason_code; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(reason_code) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.reason_public; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(reason_public) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.competent_body; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(competent_body) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.assignee_id; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(assignee_id) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.planned_on; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(planned_on) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.awaiting_approval; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(awaiting_approval) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.accepted_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(accepted_by) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.decided_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(decided_by) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.resolved_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(resolved_by) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.appeals; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(appeals) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.rating; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(rating) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.receive_due_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(receive_due_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.due_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(due_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.due_original_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(due_original_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.extensions; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(extensions) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.unit_due_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(unit_due_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.clock_started_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(clock_started_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.clock_paused; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(clock_paused) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.paused_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(paused_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.accepted_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(accepted_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.started_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(started_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.resolved_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(resolved_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: COLUMN cases.closed_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(closed_at) ON TABLE feedback.cases TO ihanoi_write;

-- Name: TABLE officer_grants; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.officer_grants TO ihanoi_read;
GRANT INSERT ON TABLE core.officer_grants TO ihanoi_write;

-- Name: COLUMN officer_grants.valid_to; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(valid_to) ON TABLE core.officer_grants TO ihanoi_write;

-- Name: COLUMN officer_grants.revoked_by; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(revoked_by) ON TABLE core.officer_grants TO ihanoi_write;

-- Name: COLUMN officer_grants.revoked_at; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(revoked_at) ON TABLE core.officer_grants TO ihanoi_write;

-- Name: COLUMN officer_grants.revoke_reason; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(revoke_reason) ON TABLE core.officer_grants TO ihanoi_write;

-- Name: TABLE idempotency_keys; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT,INSERT ON TABLE core.idempotency_keys TO ihanoi_write;

-- Name: TABLE outbox; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.outbox TO ihanoi_read;
GRANT INSERT ON TABLE core.outbox TO ihanoi_write;

-- Name: TABLE plugin_cursors; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.plugin_cursors TO ihanoi_read;
GRANT INSERT,DELETE,UPDATE ON TABLE core.plugin_cursors TO ihanoi_control;

-- Name: TABLE audit_events; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.audit_events TO ihanoi_read;
GRANT INSERT ON TABLE core.audit_events TO ihanoi_write;

-- Name: PROCEDURE clock_shifts(IN is_on boolean); Type: ACL; Schema: core; Owner: ihanoi_owner

REVOKE ALL ON PROCEDURE core.clock_shifts(IN is_on boolean) FROM PUBLIC;

-- Name: FUNCTION partitions_ensure(); Type: ACL; Schema: core; Owner: ihanoi_owner

REVOKE ALL ON FUNCTION core.partitions_ensure() FROM PUBLIC;
GRANT ALL ON FUNCTION core.partitions_ensure() TO ihanoi_control;

-- Name: FUNCTION partitions_ensure_of(of text); Type: ACL; Schema: core; Owner: ihanoi_owner

REVOKE ALL ON FUNCTION core.partitions_ensure_of(of text) FROM PUBLIC;
GRANT ALL ON FUNCTION core.partitions_ensure_of(of text) TO ihanoi_control;

-- Name: FUNCTION plugin_lock_taken(); Type: ACL; Schema: core; Owner: ihanoi_owner

REVOKE ALL ON FUNCTION core.plugin_lock_taken() FROM PUBLIC;

-- Name: FUNCTION seed_areas(list jsonb); Type: ACL; Schema: core; Owner: ihanoi_owner

REVOKE ALL ON FUNCTION core.seed_areas(list jsonb) FROM PUBLIC;

-- Name: FUNCTION seed_units(list jsonb); Type: ACL; Schema: core; Owner: ihanoi_owner

REVOKE ALL ON FUNCTION core.seed_units(list jsonb) FROM PUBLIC;

-- Name: TABLE audit_heads; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.audit_heads TO ihanoi_read;

-- Name: TABLE calendar_days; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.calendar_days TO ihanoi_read;

-- Name: TABLE calendar_hours; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.calendar_hours TO ihanoi_read;

-- Name: TABLE calendars; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.calendars TO ihanoi_read;

-- Name: TABLE categories; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.categories TO ihanoi_read;

-- Name: TABLE denied_tokens; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.denied_tokens TO ihanoi_read;
GRANT INSERT,DELETE,UPDATE ON TABLE core.denied_tokens TO ihanoi_control;

-- Name: TABLE erasures; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT,INSERT ON TABLE core.erasures TO ihanoi_write;
GRANT DELETE ON TABLE core.erasures TO ihanoi_control;

-- Name: TABLE jobs; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.jobs TO ihanoi_read;
GRANT INSERT,UPDATE ON TABLE core.jobs TO ihanoi_write;
GRANT DELETE ON TABLE core.jobs TO ihanoi_control;

-- Name: TABLE key_leases; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT,INSERT,UPDATE ON TABLE core.key_leases TO ihanoi_write;
GRANT SELECT,DELETE ON TABLE core.key_leases TO ihanoi_control;

-- Name: TABLE leases; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT,INSERT,UPDATE ON TABLE core.leases TO ihanoi_control;

-- Name: TABLE officer_roles; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.officer_roles TO ihanoi_read;

-- Name: SEQUENCE outbox_id; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT USAGE ON SEQUENCE core.outbox_id TO ihanoi_write;

-- Name: TABLE people; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.people TO ihanoi_read;

-- Name: COLUMN people.id; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT INSERT(id) ON TABLE core.people TO ihanoi_write;

-- Name: COLUMN people.issuer; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT INSERT(issuer),UPDATE(issuer) ON TABLE core.people TO ihanoi_write;

-- Name: COLUMN people.subject; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT INSERT(subject),UPDATE(subject) ON TABLE core.people TO ihanoi_write;

-- Name: COLUMN people.version; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(version) ON TABLE core.people TO ihanoi_write;

-- Name: COLUMN people.erased_at; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(erased_at) ON TABLE core.people TO ihanoi_write;

-- Name: TABLE personal; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.personal TO ihanoi_read;
GRANT INSERT,UPDATE ON TABLE core.personal TO ihanoi_write;

-- Name: TABLE plugin_deliveries; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.plugin_deliveries TO ihanoi_read;
GRANT UPDATE ON TABLE core.plugin_deliveries TO ihanoi_write;
GRANT INSERT,DELETE ON TABLE core.plugin_deliveries TO ihanoi_control;

-- Name: TABLE plugin_jobs; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.plugin_jobs TO ihanoi_read;
GRANT UPDATE ON TABLE core.plugin_jobs TO ihanoi_write;
GRANT INSERT,DELETE ON TABLE core.plugin_jobs TO ihanoi_control;

-- Name: TABLE plugin_subscriptions; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.plugin_subscriptions TO ihanoi_read;
GRANT INSERT,DELETE,UPDATE ON TABLE core.plugin_subscriptions TO ihanoi_control;

-- Name: TABLE privacy_notices; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.privacy_notices TO ihanoi_read;

-- Name: TABLE reasons; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.reasons TO ihanoi_read;

-- Name: TABLE settings; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.settings TO ihanoi_read;

-- Name: TABLE time_limits; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.time_limits TO ihanoi_read;

-- Name: TABLE unit_calendars; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.unit_calendars TO ihanoi_read;

-- Name: TABLE unit_kinds; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.unit_kinds TO ihanoi_read;

-- Name: TABLE unit_names; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.unit_names TO ihanoi_read;

-- Name: TABLE unit_parents; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.unit_parents TO ihanoi_read;

-- Name: TABLE unit_successors; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.unit_successors TO ihanoi_read;

-- Name: TABLE units; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT SELECT ON TABLE core.units TO ihanoi_read;

-- Name: COLUMN units.version; Type: ACL; Schema: core; Owner: ihanoi_owner

GRANT UPDATE(version) ON TABLE core.units TO ihanoi_write;

-- Name: TABLE actions; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.actions TO ihanoi_read;
GRANT SELECT ON TABLE feedback.actions TO ihanoi_write;

-- Name: TABLE approvals; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.approvals TO ihanoi_read;
GRANT SELECT ON TABLE feedback.approvals TO ihanoi_write;

-- Name: TABLE messages; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.messages TO ihanoi_read;
GRANT SELECT,INSERT ON TABLE feedback.messages TO ihanoi_write;

-- Name: COLUMN messages.text; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(text) ON TABLE feedback.messages TO ihanoi_write;

-- Name: COLUMN messages.public; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(public) ON TABLE feedback.messages TO ihanoi_write;

-- Name: TABLE publications; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.publications TO ihanoi_read;
GRANT SELECT ON TABLE feedback.publications TO ihanoi_write;

-- Name: TABLE ratings; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.ratings TO ihanoi_read;
GRANT SELECT,INSERT ON TABLE feedback.ratings TO ihanoi_write;

-- Name: COLUMN ratings.score; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(score) ON TABLE feedback.ratings TO ihanoi_write;

-- Name: COLUMN ratings.reasons; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(reasons) ON TABLE feedback.ratings TO ihanoi_write;

-- Name: COLUMN ratings.comment; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(comment) ON TABLE feedback.ratings TO ihanoi_write;

-- Name: COLUMN ratings.changed_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(changed_at) ON TABLE feedback.ratings TO ihanoi_write;

-- Name: COLUMN ratings.changes; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(changes) ON TABLE feedback.ratings TO ihanoi_write;

-- Name: TABLE reports; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.reports TO ihanoi_read;
GRANT SELECT,INSERT ON TABLE feedback.reports TO ihanoi_write;

-- Name: COLUMN reports.text; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(text) ON TABLE feedback.reports TO ihanoi_write;

-- Name: COLUMN reports.address; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(address) ON TABLE feedback.reports TO ihanoi_write;

-- Name: COLUMN reports.lat; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(lat) ON TABLE feedback.reports TO ihanoi_write;

-- Name: COLUMN reports.long; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(long) ON TABLE feedback.reports TO ihanoi_write;

-- Name: COLUMN reports.erased_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(erased_at) ON TABLE feedback.reports TO ihanoi_write;

-- Name: TABLE resolutions; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.resolutions TO ihanoi_read;
GRANT SELECT,INSERT ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.answer; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(answer) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.evidence; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(evidence) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.resolved_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(resolved_by) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.resolved_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(resolved_at) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.approved_by; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(approved_by) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.approved_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(approved_at) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: COLUMN resolutions.returned_at; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(returned_at) ON TABLE feedback.resolutions TO ihanoi_write;

-- Name: TABLE responsibilities; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.responsibilities TO ihanoi_read;
GRANT SELECT ON TABLE feedback.responsibilities TO ihanoi_write;

-- Name: TABLE searches; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.searches TO ihanoi_read;
GRANT SELECT,INSERT ON TABLE feedback.searches TO ihanoi_write;

-- Name: COLUMN searches.words; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT UPDATE(words) ON TABLE feedback.searches TO ihanoi_write;

-- Name: TABLE states; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.states TO ihanoi_read;
GRANT SELECT ON TABLE feedback.states TO ihanoi_write;

-- Name: TABLE transitions; Type: ACL; Schema: feedback; Owner: ihanoi_owner

GRANT SELECT ON TABLE feedback.transitions TO ihanoi_read;
GRANT SELECT ON TABLE feedback.transitions TO ihanoi_write;

-- Name: TABLE areas; Type: ACL; Schema: geo; Owner: ihanoi_owner

GRANT SELECT ON TABLE geo.areas TO ihanoi_read;

-- Name: TABLE boundaries; Type: ACL; Schema: geo; Owner: ihanoi_owner

GRANT SELECT ON TABLE geo.boundaries TO ihanoi_read;

-- Name: TABLE imports; Type: ACL; Schema: geo; Owner: ihanoi_owner

GRANT SELECT ON TABLE geo.imports TO ihanoi_read;

-- Name: TABLE pieces; Type: ACL; Schema: geo; Owner: ihanoi_owner

GRANT SELECT ON TABLE geo.pieces TO ihanoi_read;

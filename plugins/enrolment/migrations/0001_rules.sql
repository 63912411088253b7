-- The rules of a year, which are data: what may be declared, which bands come
-- before which, what decides among equals, whose streets belong to which school;
-- and the rounds in which people apply.

create table years (
    year   int primary key,             -- in which the school year begins
    title  text not null,

    constraint years_are_of_our_time check (year between 2020 and 2200)
);

create table facts (                    -- what a guardian may declare
    year     int not null references years,
    code     text not null,
    kind     text not null,
    title    jsonb not null,            -- {vi, en}
    options  jsonb,                     -- of a choice: a list of texts

    primary key (year, code),
    -- in_zone is ours: it depends on the school.
    constraint facts_code_form check (code ~ '^[a-z][a-z0-9_]{0,31}$' and code <> 'in_zone'),
    constraint facts_kind_known check (kind in ('boolean', 'integer', 'date', 'choice')),
    constraint facts_choice_has_options check ((kind = 'choice') = (options is not null))
);

-- The first band of a level that holds is an applicant's band at a school. What
-- it holds against is the facts and in_zone, as JSON: '$.in_zone == true &&
-- $.residence == "permanent"'. Who is in no band is not taken at that school.
create table bands (
    year      int not null references years,
    level     text not null,
    position  int not null,
    title     jsonb not null,           -- {vi, en}
    holds     jsonpath not null,

    primary key (year, level, position),
    constraint bands_level_known check (level in ('kindergarten', 'grade_1', 'grade_6')),
    constraint bands_position_counts check (position between 1 and 99)
);

-- Among those of one band: the smaller value of a fact first, or the larger; no
-- value comes last. What is equal after the last one is for the lottery.
create table tie_breaks (
    year        int not null,
    level       text not null,
    position    int not null,
    fact        text not null,
    descending  boolean not null default false,

    primary key (year, level, position),
    foreign key (year, fact) references facts (year, code),
    constraint tie_breaks_position_counts check (position between 1 and 9)
);


create table schools (
    code  text primary key,
    name  text not null,
    ward  text not null,

    constraint schools_code_form check (code ~ '^[A-Z0-9-]{1,20}$')
);

create table officers (                 -- whose applications somebody looks at
    school   text not null references schools,
    subject  text not null,             -- issuer and subject of a token
    primary key (subject, school)
);

-- An area that a school serves: a ward, or one of its streets.
create table zones (
    id      bigint generated always as identity primary key,
    year    int not null references years,
    level   text not null,
    school  text not null references schools,
    ward    text not null,
    street  text,                       -- null: all of the ward
    days    daterange not null default '[,)',

    constraint zones_ward_form check (ward ~ '^[0-9]{5}$')
);

create unique index zones_once on zones (year, level, school, ward, coalesce(street, ''), days);
create index zones_of_ward on zones (year, level, ward);


create table rounds (
    id           uuid primary key,
    year         int not null references years,
    level        text not null,
    title        text not null,
    opens_at     timestamptz not null,  -- from this instant
    closes_at    timestamptz not null,  -- until before this one
    born_from    date not null,
    born_until   date not null,
    zone_day     date not null,         -- zones as they are on this day
    max_choices  int not null,
    offer_hours  int not null,          -- in which an offer is to be confirmed
    seed_hash    text not null,         -- SHA-256 of the lottery's seed, in hex
    seed         text,                  -- not known here until the round is closed
    stage        text not null default 'taking',
    revision     int not null default 0,    -- what was decided after closing changes it
    allocation   uuid,                  -- the one that was published

    constraint rounds_level_known check (level in ('kindergarten', 'grade_1', 'grade_6')),
    constraint rounds_open_before_they_close check (opens_at < closes_at),
    constraint rounds_children_are_born check (born_from <= born_until),
    constraint rounds_choices_are_some check (max_choices between 1 and 10),
    constraint rounds_offers_last check (offer_hours between 1 and 2000),
    constraint rounds_stage_known check (stage in ('taking', 'closed', 'published')),
    constraint rounds_closed_reveals check ((seed is not null) = (stage <> 'taking')),
    constraint rounds_published_says_what check ((allocation is not null) = (stage = 'published')),
    constraint rounds_seed_form check (seed ~ '^[A-Za-z0-9_-]{16,128}$'),
    constraint rounds_seed_was_promised check (encode(sha256(seed::bytea), 'hex') = seed_hash)
);

-- Seats of a school in a round. taken is counted by the applications' trigger.
create table places (
    round   uuid not null references rounds,
    school  text not null references schools,
    quota   int not null,
    extra   int not null default 0,     -- beyond the quota, by appeals that were upheld
    taken   int not null default 0,

    primary key (round, school),
    constraint places_quota_is_a_number check (quota between 0 and 10000),
    constraint places_extra_is_a_number check (extra >= 0),
    constraint places_are_not_exceeded check (taken between 0 and quota + extra)
);


-- The gateway's clock, shifted in tests as the core's is.
create function instant()
returns timestamptz
language sql stable
as $$
    select transaction_timestamp()
           + coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval
$$;


-- Rules do not change under those who have applied by them.
create function rules_are_fixed()
returns trigger
language plpgsql
as $$
declare
    rule  jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    if exists (select from rounds r
                where r.year = (rule ->> 'year')::int and r.opens_at <= instant()
                  and (not rule ? 'level' or r.level = rule ->> 'level'))
    then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'rules_are_fixed',
            message = 'a round of this year has begun: its rules do not change';
    end if;

    return case when tg_op = 'DELETE' then old else new end;
end
$$;

create trigger fixed before insert or update or delete on facts
    for each row execute function rules_are_fixed();
create trigger fixed before insert or update or delete on bands
    for each row execute function rules_are_fixed();
create trigger fixed before insert or update or delete on tie_breaks
    for each row execute function rules_are_fixed();
create trigger fixed before insert or update or delete on zones
    for each row execute function rules_are_fixed();


create function rounds_change()
returns trigger
language plpgsql
as $$
begin
    if (to_jsonb(old) - '{seed, stage, revision, allocation}'::text[])
       is distinct from (to_jsonb(new) - '{seed, stage, revision, allocation}'::text[])
       or (old.stage, new.stage) not in (('taking', 'taking'), ('taking', 'closed'),
            ('closed', 'closed'), ('closed', 'published'), ('published', 'published'))
       or (old.seed is not null and new.seed is distinct from old.seed)
       or (old.allocation is not null and new.allocation is distinct from old.allocation)
       or (new.stage <> 'taking' and instant() < new.closes_at)
    then
        raise exception using errcode = 'check_violation', constraint = 'rounds_change',
            message = 'a round goes from taking to closed and published, and changes nothing else';
    end if;

    return new;
end
$$;

create trigger rounds_change before update on rounds
    for each row execute function rounds_change();


create function places_change()
returns trigger
language plpgsql
as $$
begin
    if (tg_op <> 'UPDATE' or old.quota <> new.quota)
       and exists (select from rounds r where r.id = coalesce(new.round, old.round)
                      and r.opens_at <= instant())
    then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'places_change',
            message = 'the round has begun: its quotas do not change';
    end if;

    return coalesce(new, old);
end
$$;

create trigger places_change before insert or update or delete on places
    for each row execute function places_change();

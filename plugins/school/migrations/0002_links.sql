-- Who may see a student: guardians, and older students themselves.
--
--     asked --> verified --> revoked, withdrawn, expired
--         \--> refused, withdrawn, expired
--
-- The school verifies, by deciding or by having given a code. A right is looked up
-- each time: a link that is not verified any more opens nothing from then on.

-- From lower secondary school on, students may have accounts.
create function account_grade()
returns int
language sql immutable
as $$
    select 6
$$;


-- Codes that a school gives to a family, each good once. Kept as SHA-256: who reads
-- this table cannot use them.
create table link_codes (
    hash        bytea primary key,
    student     uuid not null references students,
    kind        text not null,
    expires_at  timestamptz not null,
    issued_by   text not null,
    issued_at   timestamptz not null default now(),
    used_at     timestamptz,

    constraint link_codes_kind_known check (kind in ('guardian', 'student'))
);

create index link_codes_of_student on link_codes (student);


-- Each asking, good or bad: it bounds guessing.
create table link_attempts (
    id            bigint generated always as identity primary key,
    xact          xid8 not null default pg_current_xact_id(),
    at            timestamptz not null default now(),
    person        text not null,
    school        text not null,
    student_code  text not null,
    hash          bytea                         -- of the code that was told
);

create index link_attempts_of_person on link_attempts (person, at);
create index link_attempts_of_transaction on link_attempts (xact);


create table links (
    id            uuid primary key default gen_random_uuid(),
    n             bigint generated always as identity,
    person        text not null,
    kind          text not null,
    school        text not null references schools,
    student_code  text not null,                -- as it was asked
    student       uuid references students,     -- null: the school has no such student
    via           text not null,
    state         text not null,
    asked_at      timestamptz not null default now(),
    asked_until   timestamptz not null,
    decided_by    text,
    decided_at    timestamptz,
    reason        text,
    valid_until   date,                         -- the first day without it

    constraint links_kind_known check (kind in ('guardian', 'student')),
    constraint links_via_known check (via in ('code', 'request')),
    constraint links_state_known check (
        state in ('asked', 'verified', 'refused', 'revoked', 'withdrawn', 'expired')),
    constraint links_verified_has_student check (state <> 'verified' or student is not null),
    constraint links_decision_has_reason check (
        state not in ('refused', 'revoked') or (reason <> '' and decided_by is not null))
);

create unique index links_live_once on links (person, school, student_code, kind)
    where state in ('asked', 'verified');
create unique index links_in_order on links (n);
create index links_of_person on links (person, n);
create index links_of_student on links (student);
create index links_of_school on links (school, state, n);


create function links_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'DELETE' then
        raise exception using errcode = 'integrity_constraint_violation',
            constraint = 'links_change', message = 'links are kept';
    end if;

    if (old.id, old.person, old.kind, old.school, old.student_code, old.student, old.via,
        old.asked_at, old.asked_until)
       is distinct from
       (new.id, new.person, new.kind, new.school, new.student_code, new.student, new.via,
        new.asked_at, new.asked_until)
    then
        raise exception using errcode = 'check_violation', constraint = 'links_change',
            message = 'what a link is about does not change';
    end if;

    if (old.state, new.state) not in (
        ('asked', 'verified'), ('asked', 'refused'), ('asked', 'withdrawn'), ('asked', 'expired'),
        ('verified', 'verified'), ('verified', 'revoked'), ('verified', 'withdrawn'), ('verified', 'expired'))
    then
        raise exception using errcode = 'check_violation', constraint = 'links_change',
            message = format('a link that is %s does not become %s', old.state, new.state);
    end if;

    return new;
end
$$;

create trigger links_change before update or delete on links
    for each row execute function links_change();

-- Applications, one for each child and round, and what becomes of them.
--
--                +--> returned --> submitted (corrected)
--                |
--   submitted ---+--> verified --> offered --> confirmed
--                |        |           +------> declined, lapsed
--                |        +-----> waitlisted --> offered
--                +--> refused
--
-- withdrawn: from anywhere that is not an end. An appeal that is upheld leads from
-- refused, waitlisted or lapsed back to verified or waitlisted.

create table applications (
    id           uuid primary key,
    number       text not null          -- by which it is known to the public
                 default 'TS' || upper(left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 12)),
    round        uuid not null references rounds,
    guardian     text not null,         -- issuer and subject of a token
    child        text not null,         -- keyed hash of the personal id number
    child_name   text not null,
    born         date not null,
    ward         text not null,
    street       text,
    facts        jsonb not null,
    evidence     jsonb not null,        -- [{kind, sha256, ...}]: of documents, not they
    content      text not null,         -- digest of what was sent, to know it again
    state        text not null default 'submitted',
    school       text,                  -- that offers a place
    offer_until  timestamptz,
    reason       text,                  -- of the last step
    changed_by   text not null,
    created_at   timestamptz not null default instant(),
    changed_at   timestamptz not null default instant(),

    constraint applications_number_once unique (number),
    constraint applications_of_round unique (id, round),
    constraint applications_child_form check (child ~ '^[0-9a-f]{64}$'),
    constraint applications_place foreign key (round, school) references places (round, school),
    constraint applications_school_offers check (
        (school is not null) = (state in ('offered', 'confirmed'))),
    constraint applications_offers_end check (
        (offer_until is not null) = (state = 'offered'))
);

-- One for each child and round, of however many guardians. What was withdrawn or
-- refused does not stand in the way: somebody else's may have been the wrong one.
create unique index applications_child_once on applications (round, child)
    where state not in ('withdrawn', 'refused');

create index applications_of_guardian on applications (guardian, created_at desc);
create index applications_in_state on applications (round, state, id);
create index applications_offers on applications (offer_until) where state = 'offered';

create table choices (
    application  uuid not null,
    round        uuid not null,
    position     int not null,
    school       text not null,

    primary key (application, position),
    constraint choices_once unique (application, school),
    constraint choices_of_round foreign key (application, round) references applications (id, round),
    constraint choices_have_places foreign key (round, school) references places (round, school)
);

create index choices_first on choices (school, round) where position = 1;


create table application_transitions (
    old  text not null,
    new  text not null,
    primary key (old, new)
);

insert into application_transitions values
    ('submitted', 'verified'), ('submitted', 'returned'), ('submitted', 'refused'),
    ('submitted', 'withdrawn'),
    ('returned', 'submitted'), ('returned', 'refused'), ('returned', 'withdrawn'),
    ('verified', 'returned'), ('verified', 'refused'), ('verified', 'withdrawn'),
    ('verified', 'offered'), ('verified', 'waitlisted'),
    ('offered', 'confirmed'), ('offered', 'declined'), ('offered', 'lapsed'),
    ('offered', 'withdrawn'),
    ('confirmed', 'withdrawn'),
    ('waitlisted', 'offered'), ('waitlisted', 'withdrawn'),
    -- by appeals that were upheld
    ('refused', 'verified'), ('refused', 'waitlisted'), ('lapsed', 'waitlisted');


-- What has become of an application, step by step.
create table steps (
    id           bigint generated always as identity primary key,
    application  uuid not null references applications,
    at           timestamptz not null,
    state        text not null,
    school       text,
    reason       text,
    by           text not null
);

create index steps_of on steps (application, id);

-- Who of the staff has read a child's data.
create table reads (
    id           bigint generated always as identity primary key,
    at           timestamptz not null default instant(),
    subject      text not null,
    operation    text not null,
    application  uuid not null references applications
);

create index reads_of on reads (application, id);

create table appeals (
    id           uuid primary key,
    application  uuid not null references applications,
    text         text not null,
    state        text not null default 'open',
    answer       text,
    opened_at    timestamptz not null default instant(),
    decided_at   timestamptz,
    decided_by   text,
    settle       boolean not null default false,    -- the allocation has to be run again
    review       uuid,                              -- which does that

    constraint appeals_state_known check (state in ('open', 'upheld', 'dismissed')),
    constraint appeals_are_answered check (
        (state <> 'open') = (answer is not null and decided_at is not null and decided_by is not null))
);

create unique index appeals_open_once on appeals (application) where state = 'open';
create index appeals_to_settle on appeals (id) where settle;

-- Who waits for a place at a school, in the order of the last four columns.
create table waitlist (
    round        uuid not null,
    school       text not null,
    application  uuid not null,
    position     int not null,          -- among the applicant's choices
    band         int not null,
    tie          int not null,
    lottery      text collate "C" not null,
    number       text collate "C" not null,

    primary key (application, school),
    foreign key (application, round) references applications (id, round),
    foreign key (round, school) references places (round, school)
);

create index waitlist_order on waitlist (round, school, band, tie, lottery, number);


create function applications_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'submitted' then
            raise exception using errcode = 'check_violation', constraint = 'applications_change',
                message = 'an application begins as submitted';
        end if;

        return new;
    end if;

    if (old.id, old.number, old.round, old.guardian, old.child, old.created_at)
       is distinct from (new.id, new.number, new.round, new.guardian, new.child, new.created_at)
    then
        raise exception using errcode = 'check_violation', constraint = 'applications_change',
            message = 'whose application it is does not change';
    end if;

    if old.state <> new.state
       and not exists (select from application_transitions t
                        where t.old = old.state and t.new = new.state)
       or old.state = new.state and old.school is distinct from new.school
    then
        raise exception using errcode = 'check_violation', constraint = 'applications_change',
            message = format('an application that is %s does not become %s', old.state, new.state);
    end if;

    new.changed_at := instant();
    return new;
end
$$;

create trigger applications_change before insert or update on applications
    for each row execute function applications_change();


-- Each step is written down and told; the event says nothing of a person.
create function applications_step()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'UPDATE' and old.state = new.state then
        return null;
    end if;

    insert into steps (application, at, state, school, reason, by)
    values (new.id, new.changed_at, new.state, new.school, new.reason, new.changed_by);

    if tg_op = 'UPDATE' and old.state = 'waitlisted' then
        delete from waitlist w where w.application = new.id;
    end if;

    perform ihanoi_host.publish('enrolment.application_changed', new.id,
                                jsonb_build_object('round', new.round, 'state', new.state));
    return null;
end
$$;

create trigger applications_step after insert or update on applications
    for each row execute function applications_step();


-- Seats are counted where they are given: an offer beyond the quota does not pass
-- places_are_not_exceeded, whoever makes it.
create function applications_seats()
returns trigger
language plpgsql
as $$
begin
    update places p
       set taken = p.taken + d.n
      from (select s.round, s.school, sum(s.n)::int as n
              from (select o.round, o.school, -1 as n from old_rows o where o.school is not null
                    union all
                    select w.round, w.school, 1 from new_rows w where w.school is not null) s
             group by s.round, s.school
            having sum(s.n) <> 0) d
     where p.round = d.round and p.school = d.school;

    return null;
end
$$;

create trigger applications_seats after update on applications
    referencing old table as old_rows new table as new_rows
    for each statement execute function applications_seats();


create function enrolment_is_kept()
returns trigger
language plpgsql
as $$
begin
    raise exception using errcode = 'integrity_constraint_violation',
        constraint = 'enrolment_is_kept', message = format('%s are kept', tg_table_name);
end
$$;

create trigger kept before delete or truncate on applications
    for each statement execute function enrolment_is_kept();
create trigger kept before update or delete or truncate on steps
    for each statement execute function enrolment_is_kept();
create trigger kept before update or delete or truncate on reads
    for each statement execute function enrolment_is_kept();
create trigger kept before delete or truncate on appeals
    for each statement execute function enrolment_is_kept();
create trigger kept before insert or update or delete or truncate on application_transitions
    for each statement execute function enrolment_is_kept();

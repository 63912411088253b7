-- Allocations: applicants propose to schools in the order of their choices, a
-- school keeps the best of its quota, who is rejected goes on (Gale and Shapley's
-- deferred acceptance). They work in steps of a second or so, each of which is a
-- transaction: whoever is killed, the next one goes on from what is written.
--
--   entries --> ranks --> digest --> matching --> computed --> publishing --> published
--                                                    |
--                                                    +--> settled (a review for appeals)

create table allocations (
    id              uuid primary key,
    round           uuid not null references rounds,
    kind            text not null,      -- main; review: the published one with appeals upheld
    state           text not null default 'entries',
    revision        int not null,       -- the round's, when it was begun
    cursor          text not null default '',
    applications    int not null default 0,
    passes          int not null default 0,
    inputs_digest   text,               -- SHA-256 chains over pages: see README
    results_digest  text,
    requested_by    text not null,
    requested_at    timestamptz not null default instant(),
    computed_at     timestamptz,
    published_at    timestamptz,

    constraint allocations_of_round unique (id, round),
    constraint allocations_kind_known check (kind in ('main', 'review')),
    constraint allocations_state_known check (state in ('entries', 'ranks', 'digest', 'matching',
        'results', 'computed', 'publishing', 'published', 'settled')),
    constraint allocations_results_are_known check (
        state not in ('computed', 'publishing', 'published', 'settled')
        or inputs_digest is not null and results_digest is not null),
    constraint allocations_are_published_once check (kind = 'main' or state not in ('publishing', 'published'))
);

-- One that works at a time in a round, and one that is published.
create unique index allocations_one_works on allocations (round)
    where state in ('entries', 'ranks', 'digest', 'matching', 'results', 'publishing');
create unique index allocations_one_published on allocations (round)
    where state in ('publishing', 'published');

alter table rounds add constraint rounds_allocation
    foreign key (allocation, id) references allocations (id, round);

create table allocation_schools (
    allocation  uuid not null references allocations,
    school      text not null,
    quota       int not null,
    proposals   int not null default 0,
    cutoff      int,                    -- ranks beyond it have been rejected
    last_rank   int,                    -- of the last one that was admitted
    last_band   int,
    ranked      boolean not null default false,
    primary key (allocation, school)
);

create table allocation_choices (
    allocation   uuid not null references allocations,
    application  uuid not null,
    position     int not null,
    school       text not null,
    band         int,                   -- null: none, the school does not consider it
    ties         numeric[],             -- what the tie-breakers see, which nobody is shown
    tie          int,                   -- the same as an order, in the band of the school
    rank         int,                   -- 1 is the first of the school
    primary key (allocation, application, position)
);

create index allocation_choices_of_school on allocation_choices (allocation, school);

create table allocation_entries (
    allocation   uuid not null references allocations,
    application  uuid not null,
    number       text collate "C" not null,
    lottery      text collate "C" not null,     -- SHA-256 of seed|number
    position     int,                   -- the choice that holds it, null: none
    school       text,
    rank         int,
    primary key (allocation, application),
    constraint allocation_entries_number unique (allocation, number)
);

create index allocation_entries_of_school on allocation_entries (allocation, school, rank);

alter table appeals add constraint appeals_review foreign key (review) references allocations;

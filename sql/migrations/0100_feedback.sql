-- Feedback (phản ánh hiện trường): cases, what citizens wrote, resolutions,
-- ratings, and the state machine as data.
--
-- Three tables by who may read what:
--   cases     no personal data; what the public may read stands in columns of
--             its own (text_public, lat_public …), so that a public read is
--             one row and never touches what was written;
--   reports, messages   the citizen's and the officers' own words and the
--             exact place: read by the reporter and the handling unit only,
--             erasable without touching the case;
--   resolutions, ratings   one row per cycle: a case that is reopened starts
--             the next, and statistics keep the first.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create schema feedback;
grant usage on schema feedback to ihanoi_read, ihanoi_write, ihanoi_control;


-- Words of Vietnamese without their marks: "o ga" finds "ổ gà". There is no
-- stemmer and no stop list for Vietnamese: "simple" is right (postgres.md 3.5).
create text search configuration feedback.vietnamese (copy = pg_catalog.simple);

alter text search configuration feedback.vietnamese
    alter mapping for asciiword, asciihword, hword_asciipart, word, hword,
        hword_part, numword, numhword, hword_numpart
    with public.unaccent, pg_catalog.simple;


-- The state machine --------------------------------------------------------

create table feedback.states (
    code      text primary key check (code ~ '^[a-z_]{1,32}$'),
    kind      text not null check (kind in ('open', 'fixed', 'closed')),
    position  int not null unique,
    listed    boolean not null,
    name_vi   text not null,
    name_en   text not null
);

comment on table feedback.states is
    'States of a case. kind: open (a clock runs or pauses), fixed, closed. '
    'listed: the public sees cases in it.';

create table feedback.actions (
    code      text primary key check (code ~ '^[a-z_]{1,32}$'),
    position  int not null unique,
    name_vi   text not null,
    name_en   text not null
);

-- who: reporter; assignee (the officer the case is assigned to, with the role
-- that the action needs); receive, assign, approve, oversee (an officer with
-- that role on the case's unit or above it); system (the job runner). requires: what the request must bring. clock: what the move does
-- to the clocks, shown to clients and checked by tests.
create table feedback.transitions (
    from_state  text not null references feedback.states,
    action      text not null references feedback.actions,
    to_state    text not null references feedback.states,
    who         text[] not null check (cardinality(who) > 0
                    and who <@ array['reporter', 'assignee', 'receive',
                        'assign', 'approve', 'oversee', 'system']),
    requires    text[] not null default '{}',
    clock       text not null default 'none' check (clock in ('none',
                    'handle_start', 'pause', 'resume', 'stop', 'unit_restart',
                    'unit_handle', 'receive_restart', 'handle_restart')),
    primary key (from_state, action, to_state)
);

insert into feedback.states (position, code, kind, listed, name_vi, name_en)
values
    ( 1, 'submitted',     'open',   true,  'Chờ tiếp nhận',            'Waiting for receipt'),
    ( 2, 'needs_info',    'open',   true,  'Chờ người dân bổ sung',    'Waiting for information'),
    ( 3, 'accepted',      'open',   true,  'Đã tiếp nhận',             'Accepted'),
    ( 4, 'assigned',      'open',   true,  'Đã phân công',             'Assigned'),
    ( 5, 'transferred',   'open',   true,  'Chuyển xử lý',             'Transferred'),
    ( 6, 'in_progress',   'open',   true,  'Đang xử lý',               'In progress'),
    ( 7, 'scheduled',     'open',   true,  'Đã lên kế hoạch',          'Scheduled'),
    ( 8, 'resolved',      'fixed',  true,  'Đã xử lý, chờ xác nhận',   'Resolved, to be confirmed'),
    ( 9, 'closed',        'closed', true,  'Hoàn thành',               'Closed'),
    (10, 'reopened',      'open',   true,  'Mở lại',                   'Reopened'),
    (11, 'rejected',      'closed', true,  'Từ chối',                  'Rejected'),
    (12, 'not_competent', 'closed', true,  'Không thuộc thẩm quyền',   'Not within competence'),
    (13, 'withdrawn',     'closed', false, 'Người dân rút',            'Withdrawn by the citizen');

insert into feedback.actions (position, code, name_vi, name_en)
values
    ( 1, 'create',        'Gửi phản ánh',            'File'),
    ( 2, 'accept',        'Tiếp nhận',               'Accept'),
    ( 3, 'reject',        'Từ chối',                 'Reject'),
    ( 4, 'not_competent', 'Không thuộc thẩm quyền',  'Declare not competent'),
    ( 5, 'transfer',      'Chuyển đơn vị',           'Transfer'),
    ( 6, 'ask',           'Yêu cầu bổ sung',         'Ask for information'),
    ( 7, 'info',          'Bổ sung thông tin',       'Give information'),
    ( 8, 'assign',        'Phân công',               'Assign'),
    ( 9, 'start',         'Bắt đầu xử lý',           'Start'),
    (10, 'schedule',      'Lên kế hoạch',            'Schedule'),
    (11, 'resolve',       'Trả kết quả',             'Resolve'),
    (12, 'approve',       'Phê duyệt kết quả',       'Approve the result'),
    (13, 'return',        'Trả lại để xử lý tiếp',   'Send the result back'),
    (14, 'confirm',       'Xác nhận kết quả',        'Confirm'),
    (15, 'rating',        'Đánh giá',                'Rate'),
    (16, 'reopen',        'Mở lại',                  'Reopen'),
    (17, 'appeal',        'Khiếu nại việc từ chối',  'Appeal a refusal'),
    (18, 'withdraw',      'Rút phản ánh',            'Withdraw'),
    (19, 'timeout',       'Hết thời gian chờ',       'Time-out of a waiting state'),
    (20, 'change',        'Sửa phân loại',           'Change what the case is'),
    (21, 'extend',        'Gia hạn',                 'Extend the deadline');

-- Mission 2.4, row by row. Where we depart from it:
--   "transferred" is a state at rest, the target's "submitted": the case waits
--   there for the target to accept it, send it back once, ask or refuse;
--   a handling officer may ask too (from assigned and in_progress), and an
--   officer may hand a case to a colleague at any time before it is resolved;
--   a reopened case is assigned again, or its last assignee just starts.
insert into feedback.transitions
    (from_state, action, to_state, who, requires, clock)
values
    ('submitted',   'accept', 'accepted', '{receive}', '{severity}', 'handle_start'),
    ('transferred', 'accept', 'accepted', '{receive}', '{severity}', 'unit_handle'),

    ('submitted',   'reject', 'rejected', '{receive}', '{reason_code,reason}', 'stop'),
    ('transferred', 'reject', 'rejected', '{receive}', '{reason_code,reason}', 'stop'),

    ('submitted',   'not_competent', 'not_competent', '{receive}', '{reason_code,reason,competent_body}', 'stop'),
    ('transferred', 'not_competent', 'not_competent', '{receive}', '{reason_code,reason,competent_body}', 'stop'),
    ('accepted',    'not_competent', 'not_competent', '{receive}', '{reason_code,reason,competent_body}', 'stop'),

    ('accepted',    'transfer', 'transferred', '{receive}', '{unit,reason_code,reason}', 'unit_restart'),
    ('transferred', 'transfer', 'transferred', '{receive}', '{unit,reason_code,reason}', 'unit_restart'),

    ('submitted',   'ask', 'needs_info', '{receive}', '{question}', 'pause'),
    ('transferred', 'ask', 'needs_info', '{receive}', '{question}', 'pause'),
    ('accepted',    'ask', 'needs_info', '{receive}', '{question}', 'pause'),
    ('assigned',    'ask', 'needs_info', '{receive,assignee}', '{question}', 'pause'),
    ('in_progress', 'ask', 'needs_info', '{receive,assignee}', '{question}', 'pause'),

    ('needs_info', 'info', 'submitted',   '{reporter}', '{text}', 'resume'),
    ('needs_info', 'info', 'transferred', '{reporter}', '{text}', 'resume'),
    ('needs_info', 'info', 'accepted',    '{reporter}', '{text}', 'resume'),
    ('needs_info', 'info', 'assigned',    '{reporter}', '{text}', 'resume'),
    ('needs_info', 'info', 'in_progress', '{reporter}', '{text}', 'resume'),

    ('needs_info', 'timeout', 'submitted',   '{system}', '{}', 'resume'),
    ('needs_info', 'timeout', 'transferred', '{system}', '{}', 'resume'),
    ('needs_info', 'timeout', 'accepted',    '{system}', '{}', 'resume'),
    ('needs_info', 'timeout', 'assigned',    '{system}', '{}', 'resume'),
    ('needs_info', 'timeout', 'in_progress', '{system}', '{}', 'resume'),

    ('accepted',    'assign', 'assigned',    '{receive,assign}', '{assignee}', 'none'),
    ('assigned',    'assign', 'assigned',    '{receive,assign}', '{assignee}', 'none'),
    ('scheduled',   'assign', 'scheduled',   '{receive,assign}', '{assignee}', 'none'),
    ('in_progress', 'assign', 'in_progress', '{receive,assign}', '{assignee}', 'none'),
    ('reopened',    'assign', 'assigned',    '{receive,assign}', '{assignee}', 'none'),

    ('assigned',    'start', 'in_progress', '{assignee}', '{}', 'none'),
    ('scheduled',   'start', 'in_progress', '{assignee}', '{}', 'none'),
    ('reopened',    'start', 'in_progress', '{assignee}', '{}', 'none'),

    ('assigned',    'schedule', 'scheduled', '{assignee}', '{planned_on}', 'none'),
    ('in_progress', 'schedule', 'scheduled', '{assignee}', '{planned_on}', 'none'),
    ('scheduled',   'schedule', 'scheduled', '{assignee}', '{planned_on}', 'none'),

    ('in_progress', 'resolve', 'resolved',    '{assignee}', '{answer,evidence}', 'stop'),
    ('in_progress', 'resolve', 'in_progress', '{assignee}', '{answer,evidence}', 'none'),
    ('in_progress', 'approve', 'resolved',    '{approve}', '{}', 'stop'),
    ('in_progress', 'return',  'in_progress', '{approve}', '{reason}', 'none'),
    ('resolved',    'approve', 'closed',      '{approve}', '{}', 'none'),

    ('resolved', 'confirm', 'closed', '{reporter}', '{}', 'none'),
    ('resolved', 'timeout', 'closed', '{system}', '{}', 'none'),

    ('resolved', 'rating', 'resolved', '{reporter}', '{score}', 'none'),
    ('closed',   'rating', 'closed',   '{reporter}', '{score}', 'none'),

    ('resolved', 'reopen', 'reopened', '{reporter,oversee}', '{reason}', 'handle_restart'),
    ('closed',   'reopen', 'reopened', '{reporter,oversee}', '{reason}', 'handle_restart'),

    ('rejected',      'appeal', 'submitted', '{reporter}', '{reason}', 'receive_restart'),
    ('not_competent', 'appeal', 'submitted', '{reporter}', '{reason}', 'receive_restart'),

    ('submitted',   'withdraw', 'withdrawn', '{reporter}', '{}', 'stop'),
    ('needs_info',  'withdraw', 'withdrawn', '{reporter}', '{}', 'stop'),
    ('accepted',    'withdraw', 'withdrawn', '{reporter}', '{}', 'stop'),
    ('assigned',    'withdraw', 'withdrawn', '{reporter}', '{}', 'stop'),
    ('transferred', 'withdraw', 'withdrawn', '{reporter}', '{}', 'stop'),
    ('scheduled',   'withdraw', 'withdrawn', '{reporter}', '{}', 'stop');

-- Officers may correct what a case is and where it lies, and its deadline may
-- be extended, in every state where work is left.
insert into feedback.transitions
    (from_state, action, to_state, who, requires, clock)
select s.code, a.action, s.code, a.who, a.requires, 'none'
from feedback.states s,
     (values ('change', '{receive}'::text[], '{reason}'::text[]),
             ('extend', '{approve}', '{reason,due_at}')) a (action, who, requires)
where s.kind = 'open' and s.code <> 'needs_info'
  and not (a.action = 'extend' and s.code in ('submitted', 'transferred'));


-- Who is responsible -------------------------------------------------------

-- (category, area, asset, date) -> receiving unit. level says how near the
-- unit is to the matter; the nearest wins: asset_owner, ward, district, city;
-- within a level, what names the category, then the asset, then the area.
-- area: a commune or a unit above it, whose communes are meant; null:
-- everywhere. category null: every category. asset null: whatever is meant.
-- unit null: the commune that the place lies in. valid_to is the last day. Source: mission 2.6.
create table feedback.responsibilities (
    id          uuid primary key default gen_random_uuid(),
    category    text references core.categories,
    area        uuid references core.units,
    asset       text check (asset ~ '^[a-z_]{1,32}$'),
    level       text not null check (level in
                    ('asset_owner', 'ward', 'district', 'city')),
    unit        uuid references core.units,
    valid_from  date not null default '2024-01-01',
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    constraint responsibilities_commune_is_ward check (
        unit is not null or level = 'ward')
);

create unique index responsibilities_once on feedback.responsibilities
    (coalesce(category, ''),
     coalesce(area, '00000000-0000-0000-0000-000000000000'),
     coalesce(asset, ''), level, valid_from);

-- When the public may read a case's text: 'accepted' (the default, also where
-- no row stands) once an officer has accepted the case, 'masked' at once. It
-- is masked in both; only an officer can see what a machine cannot.
create table feedback.publications (
    category    text not null references core.categories,
    publish     text not null check (publish in ('accepted', 'masked')),
    valid_from  date not null default '2024-01-01',
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    primary key (category, valid_from)
);

-- Units whose results an approver of theirs reads before they go out; for one
-- category or (null) for all. A row holds for the units below it too.
create table feedback.approvals (
    id          uuid primary key default gen_random_uuid(),
    unit        uuid not null references core.units,
    category    text references core.categories,
    valid_from  date not null default '2024-01-01',
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored
);

create index approvals_unit on feedback.approvals (unit);


-- Cases --------------------------------------------------------------------

create table feedback.cases (
    id                 uuid primary key default gen_random_uuid(),
    code               text not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    version            bigint not null default 1,
    state              text not null,
    last_action        text not null,
    previous_state     text,
    listed             boolean not null default true,
    cycle              int not null default 1,

    category           text not null references core.categories,
    severity           text not null check (severity in
                           ('normal', 'urgent', 'complex')),
    severity_proposed  text not null check (severity_proposed in
                           ('normal', 'urgent', 'complex')),
    asset              text,
    channel            text not null default 'app',
    reporter_id        uuid not null references core.people,

    commune            text not null,
    commune_brief      json not null,
    lat                float8,
    long               float8,
    address_public     text,
    located_by         text not null,
    unit               uuid not null references core.units,
    unit_code          text not null,
    unit_brief         json not null,
    routed_by          text not null,
    transferred_from   uuid,
    bounces            int not null default 0,

    text_public        text,
    published_at       timestamptz,
    answer_public      text,
    evidence_public    json,
    evidence_exempt    boolean not null default false,
    reason_code        text,
    reason_public      text,
    competent_body     text,

    assignee_id        uuid references core.people,
    planned_on         date,
    awaiting_approval  boolean not null default false,
    accepted_by        uuid,
    decided_by         uuid,
    resolved_by        uuid,
    appeals            int not null default 0,
    rating             smallint check (rating between 1 and 5),

    receive_due_at     timestamptz not null,
    due_at             timestamptz not null,
    due_original_at    timestamptz,
    extensions         int not null default 0,
    unit_due_at        timestamptz not null,
    clock_started_at   timestamptz not null,
    clock_paused       interval not null default '0',
    paused_at          timestamptz,
    accepted_at        timestamptz,
    started_at         timestamptz,
    resolved_at        timestamptz,
    closed_at          timestamptz,

    -- squares of a hundredth and of a tenth of a degree of the public point,
    -- for lists inside a box that stay ordered by time
    cell_small         int generated always as (
        (floor((lat + 90) * 100) * 100000 + floor((long + 180) * 100))::int) stored,
    cell_large         int generated always as (
        (floor((lat + 90) * 10) * 10000 + floor((long + 180) * 10))::int) stored,

    constraint cases_place_is_whole check ((lat is null) = (long is null)),
    constraint cases_place_on_earth check (
        lat between -90 and 90 and long between -180 and 180),
    constraint cases_needs_info_is_paused check (
        (state = 'needs_info') = (paused_at is not null)
        and (state = 'needs_info') = (previous_state is not null)),
    constraint cases_worked_on_has_assignee check (
        state not in ('assigned', 'in_progress', 'scheduled')
        or assignee_id is not null),
    constraint cases_scheduled_has_date check (
        state <> 'scheduled' or planned_on is not null),
    constraint cases_resolved_has_answer check (
        state not in ('resolved', 'closed')
        or (answer_public is not null and resolved_at is not null)),
    constraint cases_resolved_has_evidence check (
        state not in ('resolved', 'closed')
        or evidence_exempt or json_array_length(evidence_public) > 0),
    constraint cases_refused_has_reason check (
        state not in ('rejected', 'not_competent')
        or (reason_public is not null and decided_by is not null)),
    constraint cases_rejected_has_code check (
        state <> 'rejected' or reason_code is not null),
    constraint cases_accepted_has_time check (
        state in ('submitted', 'transferred', 'needs_info', 'rejected',
                  'not_competent', 'withdrawn')
        or (accepted_at is not null and due_original_at is not null)),
    constraint cases_withdrawn_before_work check (
        state <> 'withdrawn' or started_at is null),
    constraint cases_bounce_once check (bounces between 0 and 1),
    constraint cases_appeal_once check (appeals between 0 and 1),
    constraint cases_approval_in_progress check (
        not awaiting_approval or state = 'in_progress')
);

comment on column feedback.cases.unit_brief is
    'Id, code, kind and names of the unit as readers are shown them (and so '
    'for the commune): a public read joins nothing.';
comment on column feedback.cases.lat is
    'Public latitude: as exact as the category allows (blur_m); the exact '
    'place is in feedback.reports.';
comment on column feedback.cases.due_at is
    'Towards the citizen: receipt is due then until accepted, handling after; '
    'a transfer never moves it.';
comment on column feedback.cases.clock_paused is
    'Working time that the clock stood still since clock_started_at: a change '
    'of severity computes the deadline anew from both.';
comment on column feedback.cases.due_original_at is
    'The first handling deadline, before extension, change and reopening: '
    'on-time rates use it.';

create unique index cases_code on feedback.cases (code);

-- One index for each filter of the public list, each ending in the order of
-- the list; columns behind the order are tested inside the index.
create index cases_listed on feedback.cases
    (created_at, id) where listed;
create index cases_listed_commune on feedback.cases
    (commune, created_at, id, category) where listed;
create index cases_listed_category on feedback.cases
    (category, created_at, id) where listed;
create index cases_listed_state on feedback.cases
    (state, created_at, id) where listed;
create index cases_listed_commune_state on feedback.cases
    (commune, state, created_at, id, category) where listed;
create index cases_listed_category_state on feedback.cases
    (category, state, created_at, id) where listed;
create index cases_listed_cell_small on feedback.cases
    (cell_small, created_at, id) where listed;
create index cases_listed_cell_large on feedback.cases
    (cell_large, created_at, id) where listed;
create index cases_reporter on feedback.cases
    (reporter_id, created_at, id);

-- What a desk still has to do: leaves the index when the case is done.
create index cases_desk on feedback.cases
    (unit, unit_due_at, id)
    where state in ('submitted', 'needs_info', 'accepted', 'assigned',
        'transferred', 'in_progress', 'scheduled', 'reopened');
create index cases_desk_assignee on feedback.cases
    (assignee_id, unit_due_at, id)
    where state in ('submitted', 'needs_info', 'accepted', 'assigned',
        'transferred', 'in_progress', 'scheduled', 'reopened');

-- Each state change writes every index of the row anew: leave room on pages.
alter table feedback.cases set (fillfactor = 85);


-- What the citizen filed: the only place with the original words and the
-- exact place. Erasing empties the row; case and statistics stay.
create table feedback.reports (
    case_id    uuid primary key references feedback.cases,
    text       text,
    address    text,
    lat        float8,
    long       float8,
    erased_at  timestamptz
);

-- Everything said afterwards, as it was said, at the number that the event has
-- in the case's audit chain. public: its masked form, where the public may
-- read it (answers and reasons, not what citizen and officer ask each other).
create table feedback.messages (
    case_id     uuid not null references feedback.cases,
    seq         bigint not null,
    action      text not null references feedback.actions,
    created_at  timestamptz not null,
    author      uuid references core.people,
    text        text,
    public      text,
    primary key (case_id, seq)
);

-- One row a cycle: what was answered, on what evidence, who approved.
create table feedback.resolutions (
    case_id     uuid not null references feedback.cases,
    cycle       int not null,
    answer      text not null,
    evidence    json not null,
    resolved_by uuid not null,
    resolved_at timestamptz not null,
    approved_by uuid,
    approved_at timestamptz,
    returned_at timestamptz,
    primary key (case_id, cycle)
);

-- Once a cycle, changeable once.
create table feedback.ratings (
    case_id    uuid not null,
    cycle      int not null,
    score      smallint not null check (score between 1 and 5),
    reasons    text[] not null default '{}',
    comment    text,
    created_at timestamptz not null,
    changed_at timestamptz,
    changes    int not null default 0
        constraint ratings_change_once check (changes between 0 and 1),
    primary key (case_id, cycle),
    foreign key (case_id, cycle) references feedback.resolutions
);

-- Words of what is public, apart from the cases: a case changes often, its
-- text once, and a GIN index over the text is dear to write. Exact words have
-- weight A, words without marks weight B; '~n' is the week since 1970, which
-- lets a search for a frequent word stop after the newest weeks.
create table feedback.searches (
    case_id    uuid primary key references feedback.cases,
    created_at timestamptz not null,
    words      tsvector not null
);

create index searches_words on feedback.searches
    using gin (words) with (fastupdate = off);


-- The guard ----------------------------------------------------------------

-- Nobody, no code and no person at a psql prompt, moves a case along a path
-- that feedback.transitions does not have: an update names its action.
create function feedback.guard_case()
returns trigger
language plpgsql
as $$
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

create trigger cases_guard
    before insert or update on feedback.cases
    for each row execute function feedback.guard_case();


-- How long we wait for whom. (Legal time limits are in core.time_limits.)
insert into core.settings (name, value, note)
values
    ('feedback.info_days', '5',
     'A question to the citizen pauses the clock for so many days at most'),
    ('feedback.confirm_days', '5',
     'A resolved case closes after so many days of silence'),
    ('feedback.reopen_days', '15',
     'The citizen may reopen a case within so many days of its resolution'),
    ('feedback.rating_days', '30',
     'The citizen may rate a resolution within so many days'),
    ('feedback.appeal_days', '15',
     'The citizen may appeal a refusal within so many days'),
    ('feedback.extensions', '2',
     'How often the deadline of a case may be extended'),
    ('feedback.fallback_unit', '"VP"',
     'Code of the desk for cases that no responsibility names a unit for');


-- Rights -------------------------------------------------------------------

grant select on all tables in schema feedback to ihanoi_read, ihanoi_write;
grant insert on feedback.cases, feedback.reports, feedback.messages,
    feedback.resolutions, feedback.ratings, feedback.searches to ihanoi_write;

-- identity, origin and filing time of a case never change
grant update (updated_at, version, state, last_action, previous_state, listed,
    cycle, category, severity, commune, commune_brief, lat, long,
    address_public, located_by, unit, unit_code, unit_brief, routed_by, transferred_from, bounces,
    text_public, published_at, answer_public, evidence_public,
    evidence_exempt, reason_code, reason_public, competent_body, assignee_id,
    planned_on, awaiting_approval, accepted_by, decided_by, resolved_by,
    appeals, rating, due_at, due_original_at, extensions, receive_due_at,
    unit_due_at, clock_started_at, clock_paused, paused_at, accepted_at, started_at, resolved_at, closed_at)
    on feedback.cases to ihanoi_write;
grant update (text, address, lat, long, erased_at)
    on feedback.reports to ihanoi_write;
grant update (answer, evidence, resolved_by, resolved_at, approved_by,
    approved_at, returned_at) on feedback.resolutions to ihanoi_write;
grant update (text) on feedback.messages to ihanoi_write;
grant update (score, reasons, comment, changed_at, changes)
    on feedback.ratings to ihanoi_write;
grant update (words) on feedback.searches to ihanoi_write;

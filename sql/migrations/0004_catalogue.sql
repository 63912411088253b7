-- Catalogues that citizens choose from and officers answer with: categories of
-- feedback, and coded reasons.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create table core.categories (
    code               text primary key check (code ~ '^[a-z_]{1,48}$'),
    position           int not null,
    name_vi            text not null check (length(name_vi) <= 200),
    name_en            text not null check (length(name_en) <= 200),
    severity           text not null default 'normal'
                       check (severity in ('normal', 'urgent', 'complex')),
    evidence_required  boolean not null default true,
    photo_required     boolean not null default false,
    private            boolean not null default false,
    reporter_hidden    boolean not null default false,
    blur_m             int not null default 0 check (blur_m between 0 and 5000),
    valid_from         date not null default '2024-01-01',
    valid_to           date,
    validity           daterange not null
                       generated always as (daterange(valid_from, valid_to, '[]')) stored,
    version            bigint not null default 1
);

comment on column core.categories.severity is
    'proposed when a case is filed; an officer confirms it at acceptance';
comment on column core.categories.evidence_required is
    'a case of it is resolved with a photo or document, not by words alone';
comment on column core.categories.photo_required is
    'the citizen must add a photo (from when media can be uploaded)';
comment on column core.categories.private is
    'cases of it never appear in public lists';
comment on column core.categories.reporter_hidden is
    'the handling unit does not see who reported';
comment on column core.categories.blur_m is
    'the public sees the place rounded to about so many metres';

-- What a code may be used for: the actions of the workflow that need one.
create table core.reasons (
    code         text primary key check (code ~ '^[a-z_]{1,48}$'),
    position     int not null,
    uses         text[] not null check (cardinality(uses) between 1 and 8),
    name_vi      text not null check (length(name_vi) <= 200),
    name_en      text not null check (length(name_en) <= 200),
    template_vi  text not null check (length(template_vi) <= 2000),
    template_en  text not null check (length(template_en) <= 2000),
    valid_from   date not null default '2024-01-01',
    valid_to     date,
    validity     daterange not null
                 generated always as (daterange(valid_from, valid_to, '[]')) stored,
    version      bigint not null default 1
);

comment on column core.reasons.template_vi is
    'the answer an officer starts from: refusals are coded and explained';

grant select on core.categories, core.reasons to ihanoi_read;

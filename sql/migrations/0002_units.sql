-- Units (cơ quan, đơn vị) and the officers' roles on them.
--
-- Everything about a unit is dated: names, parents, successors. Hà Nội had 30
-- districts in 2024 and has had none since 1 July 2025: no level of government
-- is in code, kinds are rows. "valid_to" is the last day, as decisions word it
-- ("đến hết ngày 30/6/2025"); null: until further notice.

set local lock_timeout = '5s';
set local role ihanoi_owner;


-- A UUID that follows from a name (version 8 of RFC 9562, SHA-256): reference
-- data has the same ids in every installation, so links to it last.
create function core.uuid_of(name text)
returns uuid
language sql immutable parallel safe
as $$
    select (left(h, 12) || '8' || substr(h, 14, 3) || '8' || substr(h, 18, 15))::uuid
    from (select core.sha256_hex('iHaNoi ' || name) as h) d
$$;


create table core.unit_kinds (
    code      text primary key check (code ~ '^[a-z_]{1,32}$'),
    position  int not null unique,
    name_vi   text not null,
    name_en   text not null
);

create table core.units (
    id          uuid primary key default gen_random_uuid(),
    code        text not null unique check (code ~ '^[0-9A-Za-z-]{1,32}$'),
    kind        text not null references core.unit_kinds,
    valid_from  date not null,
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    verified    boolean not null default true,
    version     bigint not null default 1
);

comment on column core.units.verified is
    'false: a date or name that no official source has confirmed to us';

create index units_kind on core.units (kind, code);

create table core.unit_names (
    unit        uuid not null references core.units,
    name_vi     text not null check (length(name_vi) between 1 and 200),
    name_en     text not null check (length(name_en) between 1 and 200),
    valid_from  date not null,
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    primary key (unit, valid_from),
    constraint unit_names_one_at_a_time
        exclude using gist (unit with =, validity with &&)
);

create table core.unit_parents (
    unit        uuid not null references core.units,
    parent      uuid not null references core.units,
    valid_from  date not null,
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    primary key (unit, valid_from),
    constraint unit_parents_other check (unit <> parent),
    constraint unit_parents_one_at_a_time
        exclude using gist (unit with =, validity with &&)
);

create index unit_parents_parent on core.unit_parents (parent);

-- Who took over, where one did: routing and old cases show it.
create table core.unit_successors (
    unit       uuid not null references core.units,
    successor  uuid not null references core.units,
    since      date not null,
    verified   boolean not null default true,
    note       text,
    primary key (unit, successor),
    constraint unit_successors_other check (unit <> successor)
);


-- A tree at every date: looks for the unit among its new parent's ancestors,
-- over all dates at which the new row and they hold together.
create function core.unit_parents_check()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
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

create trigger unit_parents_no_cycle
    after insert or update on core.unit_parents
    for each row execute function core.unit_parents_check();


-- Officers ----------------------------------------------------------------

-- tiếp nhận, phân công, xử lý, giải quyết, phê duyệt, giám sát; and who gives
-- these roles out in a unit.
create table core.officer_roles (
    code      text primary key check (code ~ '^[a-z_]{1,32}$'),
    position  int not null unique,
    name_vi   text not null,
    name_en   text not null
);

-- A role covers the unit and everything below it at the date. A substitute has
-- a grant of its own that names the grant it stands in for: it counts while
-- both do, so a substitute never outlasts the role.
create table core.officer_grants (
    id              uuid primary key default gen_random_uuid(),
    person          uuid not null references core.people,
    unit            uuid not null references core.units,
    role            text not null references core.officer_roles,
    valid_from      date not null,
    valid_to        date,
    validity        daterange not null
                    generated always as (daterange(valid_from, valid_to, '[]')) stored,
    substitute_for  uuid references core.officer_grants,
    granted_by      uuid references core.people,
    granted_at      timestamptz not null default core.now(),
    revoked_by      uuid references core.people,
    revoked_at      timestamptz,
    revoke_reason   text check (length(revoke_reason) <= 500),
    constraint officer_grants_substitute_ends
        check (substitute_for is null or valid_to is not null),
    constraint officer_grants_once
        exclude using gist (person with =, unit with =, role with =,
                            validity with &&) where (revoked_at is null)
);

create index officer_grants_unit on core.officer_grants (unit);
create index officer_grants_person on core.officer_grants (person, role);

insert into core.unit_kinds (position, code, name_vi, name_en)
values
    ( 1, 'city',           'Ủy ban nhân dân Thành phố',  'City People''s Committee'),
    ( 2, 'office',         'Văn phòng',                  'Office'),
    ( 3, 'department',     'Sở, ban, ngành',             'Department'),
    ( 4, 'police',         'Công an',                    'Police'),
    ( 5, 'board',          'Ban quản lý',                'Management board'),
    ( 6, 'urban_district', 'Quận',                       'Urban district'),
    ( 7, 'town',           'Thị xã',                     'Town'),
    ( 8, 'rural_district', 'Huyện',                      'Rural district'),
    ( 9, 'ward',           'Phường',                     'Ward'),
    (10, 'commune',        'Xã',                         'Commune'),
    (11, 'township',       'Thị trấn',                   'Township'),
    (12, 'company',        'Doanh nghiệp công ích',      'Public-service company'),
    (13, 'hotline',        'Tổng đài',                   'Hotline'),
    (14, 'front',          'Mặt trận và đoàn thể',       'Front and mass organisation');

insert into core.officer_roles (position, code, name_vi, name_en)
values
    (1, 'receive',    'Tiếp nhận',   'Receive'),
    (2, 'assign',     'Phân công',   'Assign'),
    (3, 'process',    'Xử lý',       'Process'),
    (4, 'resolve',    'Giải quyết',  'Resolve'),
    (5, 'approve',    'Phê duyệt',   'Approve'),
    (6, 'oversee',    'Giám sát',    'Oversee'),
    (7, 'administer', 'Quản trị',    'Administer');

grant select on core.unit_kinds, core.units, core.unit_names, core.unit_parents,
    core.unit_successors, core.officer_roles, core.officer_grants to ihanoi_read;
grant insert on core.officer_grants to ihanoi_write;
grant update (valid_to, revoked_by, revoked_at, revoke_reason)
    on core.officer_grants to ihanoi_write;
grant update (version) on core.units to ihanoi_write;

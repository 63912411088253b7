-- Working time: calendars with office hours, holidays and swap days, and the
-- legal time limits that are counted in it. All of it is data: a decision that
-- changes hours, a holiday or a limit is a row with its dates.

set local lock_timeout = '5s';
set local role ihanoi_owner;

-- A calendar takes from its parent what it does not say itself: the hours of a
-- weekday, a special day.
create table core.calendars (
    code       text primary key check (code ~ '^[a-z0-9_-]{1,32}$'),
    parent     text references core.calendars,
    time_zone  text not null default 'Asia/Ho_Chi_Minh',
    name_vi    text not null,
    name_en    text not null,
    constraint calendars_other check (code <> parent)
);

-- Office hours by weekday (ISO: Monday 1). A weekday that a calendar does not
-- work although its parent does has one row with closes_at = opens_at.
create table core.calendar_hours (
    calendar    text not null references core.calendars,
    weekday     int not null check (weekday between 1 and 7),
    opens_at    time not null,
    closes_at   time not null check (closes_at >= opens_at),
    valid_from  date not null default '2024-01-01',
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    minutes     int4range not null generated always as (int4range(
                    (extract(hour from opens_at) * 60 + extract(minute from opens_at))::int,
                    (extract(hour from closes_at) * 60 + extract(minute from closes_at))::int
                )) stored,
    primary key (calendar, weekday, opens_at, valid_from),
    constraint calendar_hours_apart
        exclude using gist (calendar with =, weekday with =, validity with &&,
                            minutes with &&)
);

-- Days that are not what their weekday says: a holiday has no hours_of; a swap
-- day (làm bù) has the hours of the weekday that it makes up for.
create table core.calendar_days (
    calendar  text not null references core.calendars,
    day       date not null,
    hours_of  int check (hours_of between 1 and 7),
    name_vi   text not null,
    name_en   text not null,
    source    text not null,
    verified  boolean not null,
    primary key (calendar, day)
);

-- Units that do not work by the city's calendar.
create table core.unit_calendars (
    unit        uuid not null references core.units,
    calendar    text not null references core.calendars,
    valid_from  date not null,
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    primary key (unit, valid_from),
    constraint unit_calendars_one_at_a_time
        exclude using gist (unit with =, validity with &&)
);

-- Legal time limits: what the rule says, since when, and where it stands.
create table core.time_limits (
    code        text not null check (code ~ '^[a-z_.]{1,48}$'),
    amount      numeric not null check (amount > 0),
    measure     text not null
                check (measure in ('working_hours', 'working_days', 'calendar_days')),
    valid_from  date not null,
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    source      text not null,
    verified    boolean not null,
    primary key (code, valid_from),
    constraint time_limits_one_at_a_time
        exclude using gist (code with =, validity with &&)
);

insert into core.calendars (code, name_vi, name_en)
values ('city', 'Giờ hành chính của Thành phố', 'The city''s office hours');

insert into core.settings (name, value, note)
values ('calendar.default', '"city"',
        'Calendar of every unit that has none of its own');

grant select on core.calendars, core.calendar_hours, core.calendar_days,
    core.unit_calendars, core.time_limits to ihanoi_read;

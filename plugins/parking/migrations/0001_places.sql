-- Where one may park, how many places there are, and what they cost.
--
--   operators --< sites --< supplies (a vehicle type each) --< tariffs --< rates
--                   \---< openings
--
-- Local times are Hà Nội's. Amounts are đồng.

create table operators (
    id               text primary key,
    name             text not null,
    contact          text,

    -- The terms that its quotes are made on; each quote keeps a copy.
    quote_seconds    int not null default 600,
    hold_seconds     int not null default 600,
    holds_at_once    int not null default 3,       -- of one person
    ahead_days       int not null default 30,      -- how far ahead a stay may end
    no_show_minutes  int not null default 60,      -- after the end of the stay
    no_show_percent  int not null default 0,       -- of the price, that goes back
    stale_seconds    int not null default 900,     -- when a count is too old

    constraint operators_id_form check (id ~ '^[a-z][a-z0-9-]{0,31}$'),
    constraint operators_terms_are_sane check (
        quote_seconds between 1 and 86400 and hold_seconds between 1 and 3600
        and holds_at_once between 1 and 100 and ahead_days between 1 and 366
        and no_show_minutes between 0 and 10080 and no_show_percent between 0 and 100
        and stale_seconds between 1 and 86400)
);

-- What goes back of the price when a stay is cancelled so long before it begins:
-- the rule with the most minutes that are still left counts, without one nothing.
create table refund_rules (
    operator        text not null references operators,
    before_minutes  int not null,
    percent         int not null,
    primary key (operator, before_minutes),
    constraint refund_rules_are_sane check (before_minutes between 0 and 100000
                                            and percent between 1 and 100)
);

create table sites (
    id          uuid primary key default gen_random_uuid(),
    operator    text not null references operators,
    name        text not null,
    address     text not null,
    location    geography(point, 4326) not null,
    in_service  boolean not null default true
);

create index sites_near on sites using gist (location) where in_service;

-- Vehicle types are those of DATEX II, which APDS takes over: a motorbike is a
-- motorcycle.
create table supplies (
    site         uuid not null references sites,
    vehicle      text not null,
    capacity     int not null,
    bookable     int not null,           -- of them, that are sold ahead
    free         int,                    -- as the operator has counted,
    observed_at  timestamptz,            -- at this time
    changes      bigint not null default 0,    -- who sells a place counts here first
    primary key (site, vehicle),
    constraint supplies_vehicle_known check (
        vehicle in ('bicycle', 'motorcycle', 'car', 'van', 'bus', 'lorry')),
    constraint supplies_bookable_are_there check (
        capacity between 1 and 100000 and bookable between 0 and capacity),
    constraint supplies_free_within check (free between 0 and capacity),
    constraint supplies_free_has_time check ((free is null) = (observed_at is null))
) with (fillfactor = 70);

-- From a time of these days (1 is Monday) on for so many minutes, past midnight too.
create table openings (
    site     uuid not null references sites,
    days     int[] not null,
    opens    time not null,
    minutes  int not null,
    primary key (site, days, opens),
    constraint openings_are_sane check (
        minutes between 1 and 1440 and days <@ array[1, 2, 3, 4, 5, 6, 7]
        and cardinality(days) between 1 and 7 and extract(second from opens) = 0)
);

-- What a vehicle costs in these days, of which the last one counts.
create table tariffs (
    id             uuid primary key default gen_random_uuid(),
    site           uuid not null,
    vehicle        text not null,
    valid_from     date not null,
    valid_to       date,
    grace_minutes  int not null default 10,    -- earlier or later that cost nothing
    foreign key (site, vehicle) references supplies,
    constraint tariffs_one_at_a_time exclude using gist (
        site with =, vehicle with =, daterange(valid_from, valid_to, '[]') with &&),
    constraint tariffs_grace_is_short check (grace_minutes between 0 and 120)
);

-- A segment of the week and its price: so much for each unit that is begun, and
-- no more than the cap for one time that the segment lasts.
create table rates (
    tariff        uuid not null references tariffs,
    segment       text not null,
    days          int[] not null,
    starts        time not null,
    minutes       int not null,
    unit_minutes  int not null,
    price         bigint not null,
    cap           bigint,
    primary key (tariff, segment),
    constraint rates_are_sane check (
        minutes between 1 and 1440 and unit_minutes between 1 and 1440
        and days <@ array[1, 2, 3, 4, 5, 6, 7] and cardinality(days) between 1 and 7
        and extract(second from starts) = 0
        and price between 0 and 10000000 and cap between 0 and 10000000)
);


-- Each minute of the week has one price: segments neither overlap nor leave a gap.
create function rates_cover_the_week()
returns trigger
language plpgsql
as $$
declare
    which  uuid := case tg_op when 'DELETE' then old.tariff else new.tariff end;
    whole  int4multirange;
    sum    int;
begin
    select range_agg(p.part), sum(upper(p.part) - lower(p.part))
      into whole, sum
      from rates r
     cross join unnest(r.days) day
     cross join lateral (
           select (day - 1) * 1440 + extract(hour from r.starts)::int * 60
                  + extract(minute from r.starts)::int as begins) b
     cross join lateral (
           select int4range(b.begins, least(b.begins + r.minutes, 10080)) as part
            union all
           select int4range(0, b.begins + r.minutes - 10080)
            where b.begins + r.minutes > 10080) p
     where r.tariff = which;

    if whole is not null and (whole <> '{[0,10080)}' or sum <> 10080) then
        raise exception using errcode = 'check_violation', constraint = 'rates_cover_the_week',
            message = format('the rates of tariff %s do not give each minute one price', which);
    end if;

    return null;
end
$$;

create constraint trigger rates_cover_the_week after insert or update or delete on rates
    deferrable initially deferred for each row execute function rates_cover_the_week();

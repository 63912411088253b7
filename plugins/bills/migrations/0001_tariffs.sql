-- What a kilowatt-hour costs a household, from a day on. Figures are data that
-- somebody loads, with where they are from; they explain a bill and decide nothing:
-- what is paid is what the company asks for.

create function ascending(list int[])
returns boolean
language sql immutable
as $$
    select coalesce(bool_and(x.value > x.before), true)
      from (select value, coalesce(lag(value) over (order by n), 0) as before
              from unnest(list) with ordinality u (value, n)) x
$$;

create table tariffs (
    valid_from  date primary key,
    limits      int[] not null,         -- kWh of a month up to which a tier goes; the last has no end
    prices      bigint[] not null,      -- đồng a kWh of each tier, without tax
    vat         int not null,           -- hundredths of a per cent: 800 is 8 %
    source      text not null,
    verified    boolean not null,       -- whether somebody has held it against the source
    loaded_by   text not null,
    loaded_at   timestamptz not null default now(),

    constraint tariffs_a_price_for_each_tier check (cardinality(prices) = cardinality(limits) + 1),
    constraint tariffs_at_most_20_tiers check (cardinality(prices) <= 20),
    constraint tariffs_limits_ascend check (ascending(limits)),
    constraint tariffs_prices_are_some check (
        0 < all (prices) and 1000000 >= all (prices) and array_position(prices, null) is null),
    constraint tariffs_vat_is_a_share check (vat between 0 and 10000)
);


-- Carriers, what they sell, and the beginnings of numbers that they were given.
-- Numbers are portable: a prefix says who had the number first, so it is a hint.
create table carriers (
    code     text primary key,
    name     text not null,
    amounts  bigint[] not null,         -- đồng
    active   boolean not null default true,

    constraint carriers_code_form check (code ~ '^[a-z][a-z0-9_]{0,31}$'),
    constraint carriers_amounts_are_some check (
        cardinality(amounts) between 1 and 30 and 1000 <= all (amounts)
        and 10000000 >= all (amounts) and array_position(amounts, null) is null)
);

create table prefixes (
    prefix   text primary key,          -- as dialled in the country: 096
    carrier  text not null references carriers,

    constraint prefixes_form check (prefix ~ '^0[1-9][0-9]{0,4}$')
);

create table carriers_source (
    one        boolean primary key default true check (one),
    source     text not null,
    verified   boolean not null,
    loaded_by  text not null,
    loaded_at  timestamptz not null default now()
);

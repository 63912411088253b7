-- Areas: which commune a point lies in, at a date.
--
-- An area belongs to a unit and has a centre point; its boundary, where one
-- was imported, is a row beside it. Until boundaries are imported, the region
-- of an area is what lies nearest to its centre, within a radius derived from
-- the distances between centres. Answers say which of the two they used.

set local lock_timeout = '5s';
set local role ihanoi_owner;

create schema geo;
grant usage on schema geo to ihanoi_read, ihanoi_write, ihanoi_control;

create table geo.areas (
    id          uuid primary key default gen_random_uuid(),
    code        text not null check (code ~ '^[0-9A-Za-z-]{1,32}$'),
    unit        uuid not null references core.units,
    centre      public.geometry(Point, 4326) not null,
    radius_m    double precision check (radius_m > 0),
    valid_from  date not null,
    valid_to    date,
    validity    daterange not null
                generated always as (daterange(valid_from, valid_to, '[]')) stored,
    constraint areas_code_once
        exclude using gist (code with =, validity with &&)
);

create index areas_centre on geo.areas using gist (centre);
create index areas_unit on geo.areas (unit);

-- What an import found, for people to read afterwards.
create table geo.imports (
    id      uuid primary key default gen_random_uuid(),
    at      timestamptz not null default core.now(),
    source  text not null,
    report  jsonb not null
);

-- The boundary as imported (repaired where it was invalid) …
create table geo.boundaries (
    area      uuid primary key references geo.areas,
    import    uuid not null references geo.imports,
    repaired  boolean not null,
    geom      public.geometry(MultiPolygon, 4326) not null
              check (public.st_isvalid(geom))
);

-- … and cut into small pieces, which is what a lookup searches: the index
-- finds one or two pieces of at most 64 points (postgres.md 3.6).
create table geo.pieces (
    area  uuid not null references geo.areas,
    geom  public.geometry(Geometry, 4326) not null
);

create index pieces_geom on geo.pieces using gist (geom);
create index pieces_area on geo.pieces (area);

insert into core.settings (name, value, note)
values ('geo.tolerance_m', '500',
        'A point in no ward belongs to the nearest one within so many metres; '
        'boundary data has gaps');

grant select on geo.areas, geo.imports, geo.boundaries, geo.pieces to ihanoi_read;

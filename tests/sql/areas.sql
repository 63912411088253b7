-- Areas: centre points until boundaries are imported, then boundaries; edges,
-- gaps, dates; what an import reports.
begin;
select plan(35);
set local client_min_messages = error;

-- A map of the test's own, far from the city's: squares of 0.01 degrees
-- (1.1 km) on the equator, from 105 degrees on, side by side.
delete from geo.pieces;
delete from geo.boundaries;
delete from geo.areas;

insert into core.units (id, code, kind, valid_from, valid_to)
select core.uuid_of('test ' || c), c, 'ward', date '2025-07-01', null::date
from unnest(array['T1', 'T2', 'T3', 'T4']) c
union all
select core.uuid_of('test T0'), 'T0', 'ward', '2020-01-01', '2025-06-30';

create function pg_temp.feature(code text, x float8, y float8, w float8 default 0.01)
returns jsonb language sql as $$
    select jsonb_build_object('type', 'Feature',
        'properties', jsonb_build_object('code', code, 'fullName', 'Phường ' || code),
        'geometry', st_asgeojson(st_makeenvelope(105 + x, y, 105 + x + w, y + 0.01, 4326))::jsonb)
$$;

create function pg_temp.at(lat float8, long float8, at date default '2026-01-01')
returns text language sql as $$
    select string_agg(code || ' ' || distance_m || ' ' || source, ', ')
    from area_at(lat, 105 + long, at)
$$;

-- Centre points.
insert into geo.areas (code, unit, centre, radius_m, valid_from)
values ('T1', core.uuid_of('test T1'), st_setsrid(st_makepoint(105.005, 0.005), 4326), 1200, '2025-07-01'),
       ('T2', core.uuid_of('test T2'), st_setsrid(st_makepoint(105.015, 0.005), 4326), 1200, '2025-07-01');

select is(pg_temp.at(0.005, 0.005), 'T1 0 centre-points', 'without boundaries, the nearest centre');
select is(pg_temp.at(0.005, 0.0101), 'T2 546 centre-points', 'by distance');
select is(pg_temp.at(0.005, 0.010), 'T1 557 centre-points', 'halfway, the lowest code');
select is(pg_temp.at(0.005, 0.03), null, 'nowhere, beyond every radius');
update geo.areas set radius_m = 400 where code = 'T2';
select is(pg_temp.at(0.005, 0.0105), 'T1 613 centre-points', 'a small one that is nearer does not reach there');
update geo.areas set radius_m = 1200 where code = 'T2';
select is(pg_temp.at(0.005, 0.005, '2025-06-30'), null, 'nowhere, before the areas were made');
select is((select body ->> 'source' from areas_locate('{}', 0.005, 105.005, '2026-01-01')), 'centre-points',
    'the answer says how it was found');
select is((select body ->> 'code' from areas_locate('{}', 0.005, 105.03, '2026-01-01')), 'outside-city',
    'outside is a refusal');
select is((select status from areas_locate('{}', 0.005, 105.03, '2026-01-01')), null, 'without a status');
select is((select body ->> 'code' from areas_locate('{}', 0.005, 105.005, '2025-06-30')), 'areas-unknown',
    'as is a day of which no areas are known');

-- The import. T1 | T2 | gap of 0.002 (222 m) | T3; T3 a bow tie that needs
-- repair; T2 overlaps T1 by a strip; X is nobody's code.
create temporary table import_features (number int, feature jsonb);
insert into import_features values
    (1, pg_temp.feature('T1', 0.000, 0, 0.0101)),
    (2, pg_temp.feature('T2', 0.010, 0)),
    (3, jsonb_set(pg_temp.feature('T3', 0, 0), '{geometry}',
        '{"type": "Polygon", "coordinates": [[[105.022, 0], [105.032, 0.01], [105.032, 0], [105.022, 0.01], [105.022, 0]]]}')),
    (4, pg_temp.feature('X', 0.5, 0.5));
create temporary table report as select boundaries_import('test.json', '2026-01-01') as r;

create function pg_temp.r(variadic path text[]) returns text language sql as
    $$select r #>> path from report$$;
select is(pg_temp.r('imported'), '3', 'known codes are imported');
select is(pg_temp.r('unknown'), '["X"]', 'unknown ones are reported');
select is(pg_temp.r('created'), '["T3"]', 'a unit without an area gets one');
select is(pg_temp.r('repaired', '0', 'code'), 'T3', 'a repaired ring is reported');
select alike(pg_temp.r('repaired', '0', 'reason'), 'Self-intersection%', 'with what was wrong');
select is(pg_temp.r('overlaps', 'count'), '1', 'an overlap is reported');
select is(pg_temp.r('overlaps', 'worst', '0', 'codes'), '["T1", "T2"]', 'by the codes');
select ok(pg_temp.r('overlaps', 'm2')::int between 12000 and 12500, 'and its size');
select ok(pg_temp.r('gaps', 'percent')::numeric between 5 and 15, 'so are gaps');
select is((select count(*)::int from geo.imports where source = 'test.json' and report <> '{}'), 1,
    'the report is kept');

select is(pg_temp.at(0.005, 0.005), 'T1 0 boundaries', 'with boundaries, the one around the point');
select is(pg_temp.at(0.005, 0.01005), 'T1 0 boundaries', 'where two overlap, the lowest code');
select is(pg_temp.at(0.005, 0), 'T1 0 boundaries', 'the edge belongs to it');
select is(pg_temp.at(0, 0), 'T1 0 boundaries', 'and the corner');
select is(pg_temp.at(0.005, 0.0203), 'T2 34 boundaries', 'in a gap, the nearest with its distance');
select is(pg_temp.at(0.005, 0.023), 'T3 0 boundaries', 'a repaired ring counts as repaired');
select is((select body ->> 'inside' from areas_locate('{}', 0.005, 105.0203, '2026-01-01')), 'false',
    'the answer says that it is not inside');
select is(pg_temp.at(0.005, -0.0044), 'T1 490 boundaries', 'within the tolerance of the outermost');
select is(pg_temp.at(0.005, -0.0046), null, 'and not beyond');
update core.settings set value = '600' where name = 'geo.tolerance_m';
select is(pg_temp.at(0.005, -0.0046), 'T1 513 boundaries', 'the tolerance is a setting');
select is(pg_temp.at(0.005, 0.005, '2025-06-30'), null, 'boundaries hold while their areas do');

-- Again, and wrong.
select is((select boundaries_import('test.json', '2026-01-01') ->> 'pieces'), pg_temp.r('pieces'),
    'importing again changes nothing');
insert into import_features values (5, pg_temp.feature('T1', 0, 0));
select throws_like($$select boundaries_import('x', '2026-01-01')$$, '%twice%', 'a code stands once');
delete from import_features;
insert into import_features values (1, pg_temp.feature('T1', 500000, 2300000));
select throws_like($$select boundaries_import('x', '2026-01-01')$$, '%WGS84%', 'metres are no degrees');
update import_features set feature = '{"type": "Feature", "properties": {"code": "T1"}, "geometry": {"type": "Point", "coordinates": [0, 0]}}';
select throws_like($$select boundaries_import('x', '2026-01-01')$$, '%not Polygon%', 'a point is no boundary');

select * from finish();
rollback;

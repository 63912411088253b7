-- From a place and a category to the receiving unit, by date.
begin;
select plan(30);
\ir lib/feedback.psql

create function pg_temp.made(a jsonb) returns feedback.cases language plpgsql as $$
declare
    made uuid := pg_temp.file(a);
begin
    return pg_temp.case_of(made);
end
$$;
create function pg_temp.code(a jsonb) returns text language sql as
    $$select (pg_temp.call('an', null, 'create', a)).body ->> 'code'$$;

-- Places.
select is((pg_temp.made('{}')).commune, '00070', 'a point lies in a commune');
select is((pg_temp.made('{}')).located_by, 'centre-points', 'the case tells by what it was found');
select is(pg_temp.code('{"lat": 10.78, "long": 106.7}'), 'outside-city', 'a point outside the city is refused');
select is((pg_temp.made('{"commune": "00004", "address": "12 phố Đội Cấn"}')).commune, '00004',
    'an address comes with its commune');
select is((pg_temp.made('{"commune": "00004", "address": "12 phố Đội Cấn"}')).lat, null, 'and has no point');
select is(pg_temp.code('{"commune": "99999", "address": "12 phố Đội Cấn"}'), 'unknown-commune', 'of a commune that stands');
select is(pg_temp.code('{"commune": "00004", "address": "  "}'), 'place-missing', 'and says something');
select is(pg_temp.code('{"category": "nonsense"}'), 'unknown-category', 'a category is from the list');
select is(pg_temp.code('{"text": " "}'), 'text-missing', 'a text says something');
select is((select count(*)::int from feedback.cases c where c.text_public is not null), 0, 'nothing is published yet');

-- With boundaries: inside, in a gap within the tolerance, beyond it.
insert into geo.imports (id, source, report) values (core.uuid_of('test import'), 'test', '{}');
insert into geo.boundaries (area, import, repaired, geom)
select a.id, core.uuid_of('test import'), false,
       st_multi(st_makeenvelope(105.84, 21.02, 105.86, 21.04, 4326))
from geo.areas a where a.code = '00070' and a.validity @> core.today();
insert into geo.pieces (area, geom) select b.area, b.geom from geo.boundaries b;
select is((pg_temp.made('{"lat": 21.03, "long": 105.85}')).located_by, 'boundaries', 'a boundary decides where there is one');
select is((pg_temp.made('{"lat": 21.03, "long": 105.861}')).commune, '00070', 'a point in a gap belongs to the nearest');
select is((select max((e.details ->> 'distance_m')::int) between 100 and 110
    from core.audit_events e where e.kind = 'feedback'), true, 'the event has the distance');
create temp table blurred as select (pg_temp.made(v.a)).id from (values
    ('{"category": "noise", "lat": 21.03, "long": 105.861}'::jsonb),
    ('{"category": "civil_servants", "lat": 21.03, "long": 105.861}')) v (a);
select is((select array_agg(e.details ? 'distance_m') from core.audit_events e join blurred b on e.chain = b.id),
    '{f,f}', 'not where the public sees no exact place: it would be a way to that');
select is(pg_temp.code('{"lat": 21.03, "long": 105.87}'), 'outside-city', 'beyond the tolerance is outside');
delete from geo.pieces;
delete from geo.boundaries;

-- The matrix: asset owner before ward before district before city.
delete from feedback.responsibilities;
select is((pg_temp.made('{}')).unit_code, 'VP', 'nobody responsible: the fallback desk');
select is((pg_temp.made('{}')).routed_by, 'fallback', 'which is counted');
insert into feedback.responsibilities (category, level, unit) values (null, 'city', pg_temp.u('SXD'));
select is((pg_temp.made('{}')).unit_code, 'SXD', 'a city body for everything');
insert into feedback.responsibilities (category, level, unit) values ('road_damage', 'city', pg_temp.u('CA'));
select is((pg_temp.made('{}')).unit_code, 'CA', 'a row that names the category comes first');
insert into feedback.responsibilities (category, area, level, unit)
values ('road_damage', pg_temp.u('HN'), 'district', pg_temp.u('STC'));
select is((pg_temp.made('{}')).unit_code, 'STC', 'the level above the ward before the city');
insert into feedback.responsibilities (category, level, unit) values ('road_damage', 'ward', null);
select is((pg_temp.made('{}')).unit_code, '00070', 'the commune before that');
select is((pg_temp.made('{"commune": "00004", "address": "x"}')).unit_code, '00004', 'each its own');
insert into feedback.responsibilities (category, area, level, unit)
values ('road_damage', pg_temp.u('00004'), 'ward', pg_temp.u('SNV'));
select is((pg_temp.made('{"commune": "00004", "address": "x"}')).unit_code, 'SNV', 'a row for the area before one for all');
insert into feedback.responsibilities (category, asset, level, unit)
values ('road_damage', 'bridge', 'asset_owner', pg_temp.u('SQHKT'));
select is((pg_temp.made('{"asset": "bridge"}')).unit_code, 'SQHKT', 'an asset''s owner before all');
select is((pg_temp.made('{}')).unit_code, '00070', 'for that asset only');
insert into feedback.responsibilities (category, area, level, unit, valid_from)
values ('road_damage', pg_temp.u('00004'), 'ward', pg_temp.u('STC'), '2026-01-01'),
       ('road_damage', pg_temp.u('00004'), 'ward', pg_temp.u('CA'), '2025-01-01');
select is((pg_temp.made('{"commune": "00004", "address": "x"}')).unit_code, 'STC', 'of two such rows the later decision');

-- Dates and successors.
update feedback.responsibilities set valid_to = '2026-06-01' where asset = 'bridge';
select pg_temp.clock('2026-06-02 09:00+07');
select is((pg_temp.made('{"asset": "bridge"}')).unit_code, '00070', 'a responsibility ends with its last day');
select is((select r.code from feedback_route('road_damage', pg_temp.u('00070'), 'bridge', '2026-06-01') r), 'SQHKT',
    'and holds on it');
insert into feedback.responsibilities (category, asset, level, unit)
values ('road_damage', 'dyke', 'asset_owner', pg_temp.u('SNNPTNT'));
select is((pg_temp.made('{"asset": "dyke"}')).unit_code, 'SNNMT', 'a unit that has ended is replaced by its successor');
select is((pg_temp.made('{"asset": "dyke"}')).unit_brief ->> 'code', 'SNNMT', 'by name too');

select * from finish();
rollback;

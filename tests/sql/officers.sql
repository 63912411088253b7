-- Officers' roles over the unit tree and dates; administration of a subtree.
begin;
select plan(51);

-- A city with a district (until June 2025) and its ward, and another ward.
insert into core.units (id, code, kind, valid_from)
select core.uuid_of('test ' || c), c, 'ward', '2020-01-01'
from unnest(array['T', 'TD', 'TW', 'TX']) c;

create function pg_temp.u(code text) returns uuid language sql as
    $$select core.uuid_of('test ' || code)$$;

insert into core.unit_parents (unit, parent, valid_from, valid_to)
values (pg_temp.u('TD'), pg_temp.u('T'), '2020-01-01', null),
       (pg_temp.u('TW'), pg_temp.u('TD'), '2020-01-01', '2026-06-30'),
       (pg_temp.u('TW'), pg_temp.u('T'), '2026-07-01', null),
       (pg_temp.u('TX'), pg_temp.u('T'), '2020-01-01', null);

create function pg_temp.p(name text) returns uuid language sql as
    $$select person_ensure(null, 'test', name, null)$$;
create function pg_temp.c(name text) returns jsonb language sql as
    $$select jsonb_build_object('iss', 'test', 'sub', name, 'lang', 'vi',
                                'operation', 'test', 'request_id', 'r1')$$;

-- Today is 1 June 2026.
select set_config('core.clock_offset', (timestamptz '2026-06-01 09:00+07' - now())::text, true);
select is(core.today(), '2026-06-01', 'the test has its own today');

insert into core.officer_grants (person, unit, role, valid_from, valid_to)
values (pg_temp.p('boss'), pg_temp.u('TD'), 'receive', '2025-01-01', '2026-12-31');

select ok(officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'receive'), 'a role holds on its unit');
select ok(officer_may(pg_temp.p('boss'), pg_temp.u('TW'), 'receive'), 'and below it');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('T'), 'receive'), 'not above it');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('TX'), 'receive'), 'nor beside it');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'resolve'), 'nor is it another role');
select ok(officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'receive', '2026-12-31'), 'it holds on its last day');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'receive', '2027-01-01'), 'not after');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'receive', '2024-12-31'), 'nor before its first');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('TW'), 'receive', '2026-07-01'),
    'when the tree changes, the role follows the tree');
select ok(not officer_may(null, pg_temp.u('TD'), 'receive'), 'nobody has no role');
select set_eq($$select officer_units(pg_temp.p('boss'), '{receive}')$$,
    $$values (pg_temp.u('TD')), (pg_temp.u('TW'))$$, 'a desk shows the unit and below');

-- Giving roles.
insert into core.officer_grants (person, unit, role, valid_from)
values (pg_temp.p('admin'), pg_temp.u('TD'), 'administer', '2025-01-01');

select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TW'), 'an', null, 'receive', null, null, null)).status,
    201, 'an administrator gives roles below the own unit');
select ok(officer_may(pg_temp.p('an'), pg_temp.u('TW'), 'receive'), 'and they hold at once');
select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TX'), 'an', null, 'receive', null, null, null)).body ->> 'code',
    'not-permitted', 'not beside it');
select is((officer_grant(pg_temp.c('admin'), pg_temp.u('T'), 'admin', null, 'oversee', null, null, null)).body ->> 'code',
    'not-permitted', 'not above it');
select is((officer_grant(pg_temp.c('an'), pg_temp.u('TW'), 'an', null, 'resolve', null, null, null)).body ->> 'code',
    'not-permitted', 'an officer gives nothing to himself');
select is((officer_grant(pg_temp.c('stranger'), pg_temp.u('TW'), 'an', null, 'resolve', null, null, null)).body ->> 'code',
    'not-permitted', 'a stranger gives nothing');
select is((officer_grant(pg_temp.c('admin'), gen_random_uuid(), 'an', null, 'receive', null, null, null)).body::text,
    null, 'an unknown unit is not found');
select throws_ok($$select officer_grant(pg_temp.c('admin'), pg_temp.u('TW'), 'an', null, 'receive', null, '2026-07-01', null)$$,
    'IH001', 'grant-exists', 'a role is held once at a time');
select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TW'), 'an', null, 'resolve', '2026-05-31', null, null)).body ->> 'code',
    'dates-invalid', 'nothing is given for days that are over');
select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TW'), 'an', null, 'resolve', '2026-06-10', '2026-06-09', null)).body ->> 'code',
    'dates-invalid', 'nor to end before it begins');

-- Substitutes.
create function pg_temp.g(name text, role text) returns uuid language sql as
    $$select id from core.officer_grants where person = pg_temp.p(name) and officer_grants.role = g.role$$;

select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TD'), 'binh', null, 'receive',
               '2026-06-05', '2026-06-20', pg_temp.g('boss', 'receive'))).status,
    201, 'a substitute is named for some days');
select ok(not officer_may(pg_temp.p('binh'), pg_temp.u('TD'), 'receive'), 'who has nothing before them');
select ok(officer_may(pg_temp.p('binh'), pg_temp.u('TW'), 'receive', '2026-06-05'), 'and the role during them');
select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TD'), 'cuc', null, 'receive',
               '2026-06-05', '2027-06-20', pg_temp.g('boss', 'receive'))).body ->> 'code',
    'substitute-invalid', 'but not beyond the role stood in for');
select is((officer_grant(pg_temp.c('admin'), pg_temp.u('TW'), 'cuc', null, 'receive',
               '2026-06-05', '2026-06-20', pg_temp.g('boss', 'receive'))).body ->> 'code',
    'substitute-invalid', 'nor on another unit');

select is((officer_revoke(pg_temp.c('an'), pg_temp.u('TD'), pg_temp.g('boss', 'receive'), 'x')).body ->> 'code',
    'not-permitted', 'a colleague revokes nothing');
select is((officer_revoke(pg_temp.c('admin'), pg_temp.u('TD'), pg_temp.g('boss', 'receive'), 'moved')).status,
    200, 'an administrator revokes');
select ok(not officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'receive'), 'and the role is gone at once');
select ok(officer_may(pg_temp.p('boss'), pg_temp.u('TD'), 'receive', '2026-05-31'), 'though it held yesterday');
select ok(not officer_may(pg_temp.p('binh'), pg_temp.u('TD'), 'receive', '2026-06-06'), 'the substitute''s went with it');
select is((officer_revoke(pg_temp.c('admin'), pg_temp.u('TD'), pg_temp.g('boss', 'receive'), 'again')).body ->> 'code',
    'grant-ended', 'once');

-- The whole roster.
select is((roster_put(pg_temp.c('admin'), pg_temp.u('TW'), null,
               '[{"subject": "an", "roles": ["receive", "process"]}]')).body ->> 'code',
    'roster-incomplete', 'a roster has somebody in each required role');
select results_eq(
    $$select i ->> 'subject', i ->> 'role'
      from roster_put(pg_temp.c('admin'), pg_temp.u('TW'), null,
               '[{"subject": "dung", "roles": ["receive", "process"]},
                 {"subject": "an", "roles": ["resolve"]}]') r,
           json_array_elements(r.body -> 'items') i$$,
    $$values ('dung', 'process'), ('dung', 'receive'), ('an', 'resolve')$$,
    'a roster replaces the one before');
create function pg_temp.tag() returns text language sql as
    $$select etag from roster_get(pg_temp.c('admin'), pg_temp.u('TW'), null)$$;
create temporary table held as select pg_temp.tag() as tag;
insert into core.personal (person, full_name) values (pg_temp.p('an'), 'An');
select isnt(pg_temp.tag(), tag, 'a name that changes is not "not modified"') from held;
select is((roster_put(pg_temp.c('admin'), pg_temp.u('TW'), jsonb_build_array(tag),
               '[{"subject": "dung", "roles": ["receive", "process"]},
                 {"subject": "an", "roles": ["resolve"]}]')).status, 200,
    'but does not stand in the way of a roster') from held;
select is((select array_agg(event || ' ' || (details ->> 'role') order by seq)
           from core.audit_events where chain = pg_temp.u('TW')),
    array['role_granted receive', 'role_granted resolve', 'role_granted process',
          'role_granted receive', 'role_revoked receive'],
    'and every change of it is in the unit''s audit chain');

-- Who stands in for somebody does so whatever becomes of the other's last day.
create function pg_temp.lead(name text, last text) returns int language sql as $$
    select (roster_put(pg_temp.c('admin'), pg_temp.u('TW'), null, jsonb_build_array(
        jsonb_build_object('subject', 'dung', 'roles', '["process", "resolve"]'::jsonb),
        jsonb_build_object('subject', name, 'roles', '["receive"]'::jsonb,
                           'valid_to', last)))).status $$;
create function pg_temp.stand_in(name text) returns text language sql as $$
    select (officer_grant(pg_temp.c('admin'), pg_temp.u('TW'), name, null, 'receive', '2026-06-01',
        '2026-06-20', (select g.id from core.officer_grants g where g.person = pg_temp.p('lead')
            and g.revoked_at is null))).status::text $$;
select pg_temp.lead('lead', '2026-12-31');
select is(pg_temp.stand_in('hoa'), '201', 'somebody stands in for a colleague');
select is(pg_temp.lead('lead', '2027-12-31'), 200, 'whose role is made longer');
create function pg_temp.stands(at date) returns boolean language sql as
    $$select officer_may(pg_temp.p('hoa'), pg_temp.u('TW'), 'receive', at)$$;
select ok(pg_temp.stands('2026-06-20'), 'and still does');
select is(pg_temp.lead('lead', '2026-06-10'), 200, 'or shorter');
select ok(pg_temp.stands('2026-06-10') and not pg_temp.stands('2026-06-11'),
    'as long as that lasts');

-- An account that is erased takes its roles along, and tells it where they were.
select is((me_erase(pg_temp.c('lead'))).status, 204, 'an officer goes');
select is((select array_agg(e.role || ' ' || e.event order by e.seq) from (
        select * from core.audit_events where chain = pg_temp.u('TW') order by seq desc limit 2) e),
    '{"self role_revoked","self role_revoked"}',
    'the unit''s chain has the role and the substitute''s');
select is_empty($$select from core.officer_grants g
    where g.person = pg_temp.p('hoa') and g.revoked_at is null$$,
    'which nobody holds any more');
select is_empty($$select v.* from audit_verify(pg_temp.u('TW')) v$$, 'and the chain is whole');

-- As many as a list may name: 500 officers with six roles each.
insert into core.officer_grants (person, unit, role, valid_from)
select pg_temp.p('p' || n), pg_temp.u('TX'), r.code, core.today()
from generate_series(1, 500) n, core.officer_roles r where r.code <> 'administer';
select is((select json_array_length(g.body -> 'items')
           from roster_get(pg_temp.c('p1'), pg_temp.u('TX'), null) g), 3000,
    'a roster shows all that one may be set to');

-- Who stands in for a grant is found without reading everybody's.
\ir lib/tuples.psql
analyze core.officer_grants;
select g.id as held from core.officer_grants g where g.unit = pg_temp.u('TX') and g.role = 'process' limit 1 \gset
select pg_temp.tuples_read('core.officer_grants') as read \gset
select grant_revoke(pg_temp.c('p1'), null, 'administer', :'held', 'test');
select cmp_ok(pg_temp.tuples_read('core.officer_grants') - :read, '<', 100::bigint, 'a role is revoked without reading all');
select pg_temp.tuples_read('core.officer_grants') as read \gset
select is((roster_put(pg_temp.c('admin'), pg_temp.u('TD'), null, jsonb_agg(jsonb_build_object(
           'subject', 'q' || n, 'roles', array['receive', 'process', 'resolve'])))).status, 200, 'a roster of forty')
from generate_series(1, 40) n;
select cmp_ok(pg_temp.tuples_read('core.officer_grants') - :read, '<', 5000::bigint,
    'and a roster of 120 grants is set without reading all for each');

select * from finish();
rollback;

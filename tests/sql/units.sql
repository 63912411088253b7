-- Units at dates: names, parents, successors.
begin;
select plan(28);

create temporary table t as
select v.code, core.uuid_of('test ' || v.code) as id, v.valid_from::date, v.valid_to::date
from (values ('T', '2020-01-01', null), ('TD', '2020-01-01', '2025-06-30'),
             ('TW', '2020-01-01', null), ('TN', '2025-07-01', null),
             ('TM', '2025-07-01', '2026-01-31'),
             ('TA', '2025-07-01', '2025-10-31'), ('TB', '2025-07-01', null)) v (code, valid_from, valid_to);

insert into core.units (id, code, kind, valid_from, valid_to)
select id, code, 'ward', valid_from, valid_to from t;
insert into core.unit_names (unit, name_vi, name_en, valid_from)
select id, code, code, valid_from from t;

create function pg_temp.u(code text) returns uuid language sql as
    $$select t.id from t where t.code = u.code$$;

insert into core.unit_parents (unit, parent, valid_from, valid_to)
values (pg_temp.u('TD'), pg_temp.u('T'), '2020-01-01', '2025-06-30'),
       (pg_temp.u('TW'), pg_temp.u('TD'), '2020-01-01', '2025-06-30'),
       (pg_temp.u('TW'), pg_temp.u('T'), '2025-07-01', null),
       (pg_temp.u('TN'), pg_temp.u('T'), '2025-07-01', null),
       (pg_temp.u('TM'), pg_temp.u('T'), '2025-07-01', null);

select results_eq(
    $$select id from unit_ancestors(pg_temp.u('TW'), '2025-06-30') order by depth$$,
    $$values (pg_temp.u('TW')), (pg_temp.u('TD')), (pg_temp.u('T'))$$,
    'on its last day the district is above its ward');
select results_eq(
    $$select id from unit_ancestors(pg_temp.u('TW'), '2025-07-01') order by depth$$,
    $$values (pg_temp.u('TW')), (pg_temp.u('T'))$$,
    'the day after it is not');
select set_eq(
    $$select id from unit_subtree(pg_temp.u('T'), '2024-01-01')$$,
    $$values (pg_temp.u('T')), (pg_temp.u('TD')), (pg_temp.u('TW'))$$,
    'a subtree is that of the date');
select is(unit_common_ancestor(pg_temp.u('TW'), pg_temp.u('TN'), '2025-08-01'),
    pg_temp.u('T'), 'two units meet at the lowest common one');
select is(unit_common_ancestor(pg_temp.u('TW'), pg_temp.u('TD'), '2024-08-01'),
    pg_temp.u('TD'), 'a unit above the other is itself where they meet');
select is(unit_common_ancestor(pg_temp.u('TW'), pg_temp.u('TN'), '2024-08-01'),
    null, 'units that do not stand together do not meet');

select throws_ok(
    $$insert into core.unit_parents (unit, parent, valid_from)
      values (pg_temp.u('TW'), pg_temp.u('TN'), '2026-01-01')$$,
    '23P01', null, 'a unit has one parent at a time');
select throws_ok(
    $$insert into core.unit_parents (unit, parent, valid_from, valid_to)
      values (pg_temp.u('T'), pg_temp.u('TW'), '2023-01-01', '2023-02-01')$$,
    '23514', null, 'no unit comes above itself, at any date');
select lives_ok(
    $$insert into core.unit_parents (unit, parent, valid_from, valid_to)
      values (pg_temp.u('T'), pg_temp.u('TN'), '2019-01-01', '2019-02-01')$$,
    'the other way round at another date is no cycle');
select throws_ok(
    $$insert into core.unit_names (unit, name_vi, name_en, valid_from)
      values (pg_temp.u('T'), 'x', 'x', '2021-01-01')$$,
    '23P01', null, 'a unit has one name at a time');

update core.unit_names set valid_to = '2024-12-31' where unit = pg_temp.u('T');
insert into core.unit_names (unit, name_vi, name_en, valid_from)
values (pg_temp.u('T'), 'mới', 'new', '2025-01-01');
select is(unit_name(pg_temp.u('T'), '2024-12-31') ->> 'vi', 'T', 'the old name on its last day');
select is(unit_name(pg_temp.u('T'), '2025-01-01') ->> 'vi', 'mới', 'the new name from its first day');
select is(unit_name(pg_temp.u('T'), '2010-01-01') ->> 'vi', 'T', 'before its time, its first name');

insert into core.unit_successors (unit, successor, since)
values (pg_temp.u('TD'), pg_temp.u('TM'), '2025-07-01'),
       (pg_temp.u('TM'), pg_temp.u('TN'), '2026-02-01');
select is(unit_now(pg_temp.u('TD'), '2025-06-30'), pg_temp.u('TD'), 'a unit stands for itself');
select is(unit_now(pg_temp.u('TD'), '2025-12-01'), pg_temp.u('TM'), 'then its successor does');
select is(unit_now(pg_temp.u('TD'), '2026-06-01'), pg_temp.u('TN'), 'and that one''s');
insert into core.unit_successors (unit, successor, since) values (pg_temp.u('TD'), pg_temp.u('TA'), '2025-07-01');
select is(unit_now(pg_temp.u('TD'), '2025-08-01'), pg_temp.u('TA'), 'of several the first by code');
select is(unit_now(pg_temp.u('TD'), '2026-06-01'), pg_temp.u('TN'), 'but not where it leads to none that stands');
insert into core.unit_successors (unit, successor, since) values (pg_temp.u('TA'), pg_temp.u('TB'), '2025-11-01');
select is(unit_now(pg_temp.u('TD'), '2025-12-01'), pg_temp.u('TM'), 'and one that stands before what comes after one that has ended');

-- Reference data.
select is((select count(*)::int from core.units
           where kind in ('urban_district', 'rural_district', 'town')
             and validity @> '2024-07-01'::date), 30, '30 districts in 2024');
select is((select count(*)::int from core.units
           where kind in ('urban_district', 'rural_district', 'town')
             and validity @> '2025-07-01'::date), 0, 'none since 1 July 2025');
select is((select array_agg(n order by n)
           from (select count(*) n from core.units
                 where kind in ('ward', 'commune') and validity @> '2025-07-01'::date
                   and code ~ '^[0-9]{5}$' group by kind) x),
    array[51, 75]::bigint[], '51 wards and 75 communes since then');
select is_empty(
    $$select u.code from core.units u
      where u.code !~ '^T' and not exists (
          select from core.unit_names n where n.unit = u.id and n.validity @> u.valid_from)$$,
    'every unit has a name on its first day');
select is_empty(
    $$select u.code from core.units u
      where u.code !~ '^T[DWNMAB]?$' and u.code <> 'HN' and not exists (
          select from core.unit_parents p where p.unit = u.id and p.validity @> u.valid_from)$$,
    'every unit has a parent on its first day');
select is_empty(
    $$select s.unit from core.unit_successors s join core.units u on u.id = s.successor
      where not u.validity @> s.since$$,
    'successors stand when they take over');

-- Which day it is, is asked once for a page, and not for each name and parent of the city.
create temporary sequence asked;
create or replace function core.now() returns timestamptz language plpgsql stable as
    $$begin perform nextval('asked'); return transaction_timestamp(); end$$;
create function pg_temp.asks(call text) returns bigint language plpgsql as $$
begin
    perform setval('asked', 1, false);
    execute 'select body from ' || call;
    return nextval('asked') - 1;
end $$;
select cmp_ok(pg_temp.asks(call), '<', 20::bigint, 'the day is asked once: ' || call)
from unnest(array['units_list(null, null, null, null, null, 5)',
                  format('units_list(null, null, null, %L, null, 100)', pg_temp.u('T')),
                  format('unit_tree(null, %L, null)', (select id from core.units where code = 'HN'))]) call;

select * from finish();
rollback;

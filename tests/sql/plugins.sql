-- Who may see the plugins of the gateway.
begin;
select plan(8);

insert into core.units (id, code, kind, valid_from)
select core.uuid_of('test ' || c), c, 'ward', '2020-01-01'
from unnest(array['T', 'TW']) c;

insert into core.unit_parents (unit, parent, valid_from)
values (core.uuid_of('test TW'), core.uuid_of('test T'), '2020-01-01');

create function pg_temp.grants(name text, unit text, role text,
    till date default null) returns void language sql as $$
    insert into core.officer_grants (person, unit, role, valid_from, valid_to)
    values (person_ensure(null, 'test', name, null),
            core.uuid_of('test ' || unit), role, '2025-01-01', till) $$;

select pg_temp.grants('overseer', 'T', 'oversee'),
       pg_temp.grants('boss', 'T', 'administer'),
       pg_temp.grants('desk', 'T', 'receive'),
       pg_temp.grants('ward', 'TW', 'administer'),
       pg_temp.grants('former', 'T', 'oversee', '2025-01-31');

create function pg_temp.answer(name text) returns text language sql as $$
    select coalesce(status::text, body ->> 'code')
    from plugins_get(jsonb_build_object('iss', 'test', 'sub', name)) $$;

select is(pg_temp.answer('overseer'), '200', 'who oversees the city');
select is(pg_temp.answer('boss'), '200', 'who administers it');
select is(pg_temp.answer('desk'), 'not-permitted', 'not who works in it');
select is(pg_temp.answer('ward'), 'not-permitted', 'nor who administers a part');
select is(pg_temp.answer('former'), 'not-permitted', 'nor who oversaw it once');
select is(pg_temp.answer('stranger'), 'not-permitted', 'nor anybody else');

insert into core.plugin_jobs (plugin, job, cron, missed, next_at, declared_at)
values ('parking', 'nightly', '0 3 * * *', 'once', now(), now());

select is((select (body -> 'jobs' -> 0) ->> 'job' from plugins_get(
               jsonb_build_object('iss', 'test', 'sub', 'overseer'))),
    'nightly', 'jobs are listed');
select is((select body::jsonb ? 'jobs' from plugins_get(
               jsonb_build_object('iss', 'test', 'sub', 'stranger'))),
    false, 'not to strangers');

select * from finish();
rollback;

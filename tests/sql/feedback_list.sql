-- The public list: filters, search in two tiers, boxes, paging that is stable
-- while cases come in. Each answer is held against a plain query.
begin;
select plan(108);
\ir lib/feedback.psql

-- Two hundred cases over communes, categories, states, places and days.
do $$
declare
    communes constant text[] := array['00070', '00004', '00103'];
    kinds    constant text[] := array['road_damage', 'waste', 'trees', 'noise'];
    made     uuid;
begin
    for i in 1 .. 200 loop
        perform pg_temp.clock(timestamptz '2026-03-02 09:00+07' + i / 2 * interval '11 hours');
        made := pg_temp.file(jsonb_build_object('category', kinds[1 + i % 4],
            'text', case when i % 10 = 0 then 'Ổ gà trên đường ' when i % 10 = 1 then 'O ga tren duong '
                         when i % 10 = 2 then 'Ở gà đường ' else 'Rác thải ' end || i,
            'lat', 21.0320 + (i % 13) * 0.001, 'long', 105.8504 - (i % 29) * 0.001));
        update feedback.cases c
        set version = c.version + 1, last_action = 'change',
            commune = communes[1 + i % 3]
        where c.id = made;
        if i % 2 = 0 then
            perform pg_temp.act('hk', made, 'accept'), pg_temp.act('city', made, 'accept');
        end if;
    end loop;
end
$$;

select is((select count(*)::int from feedback.cases), 200, 'two hundred cases');
analyze feedback.cases, feedback.searches;

create function pg_temp.page(a jsonb, "limit" int default 20, "cursor" text default null)
returns json language plpgsql as $$
declare
    r record;
begin
    set local role ihanoi_read;
    select * into r from feedback_list('{}', a ->> 'commune', a ->> 'category', a -> 'state',
        (a ->> 'since')::timestamptz, (a ->> 'until')::timestamptz, a -> 'bbox', a ->> 'q',
        "limit", "cursor");
    reset role;
    return r.body;
end
$$;

-- All pages of a list, one after the other.
create function pg_temp.walk(a jsonb, size int default 7) returns uuid[] language plpgsql as $$
declare
    ids   uuid[] := '{}';
    body  json := pg_temp.page(a, size);
begin
    loop
        ids := ids || array(select (i ->> 'id')::uuid from json_array_elements(body -> 'items') i);
        exit when body ->> 'next' is null or cardinality(ids) > 1000;
        body := pg_temp.page(a, size, body ->> 'next');
    end loop;
    return ids;
end
$$;

-- The same by a plain query.
create function pg_temp.plain(a jsonb) returns uuid[] language sql as $$
    select coalesce(array_agg(c.id order by c.created_at desc, c.id desc), '{}')
    from feedback.cases c
    where c.listed
      and (a ->> 'commune' is null or c.commune = a ->> 'commune')
      and (a ->> 'category' is null or c.category = a ->> 'category')
      and (a -> 'state' is null or a -> 'state' ? c.state)
      and (a ->> 'since' is null or c.created_at >= (a ->> 'since')::timestamptz)
      and (a ->> 'until' is null or c.created_at < (a ->> 'until')::timestamptz)
      and (a -> 'bbox' is null or (c.long between (a #>> '{bbox,0}')::float8 and (a #>> '{bbox,2}')::float8
           and c.lat between (a #>> '{bbox,1}')::float8 and (a #>> '{bbox,3}')::float8))
$$;

create temp table filters (n int generated always as identity, a jsonb, any_found boolean default true);
insert into filters (a) values
    ('{}'), ('{"commune": "00070"}'), ('{"category": "waste"}'), ('{"state": ["submitted"]}'),
    ('{"state": ["submitted", "accepted"]}'), ('{"commune": "00004", "category": "trees"}'),
    ('{"commune": "00103", "state": ["accepted"]}'), ('{"category": "waste", "state": ["submitted", "closed"]}'),
    ('{"commune": "00070", "category": "road_damage", "state": ["accepted", "submitted"]}'),
    ('{"since": "2026-03-20T00:00:00Z"}'), ('{"until": "2026-03-20T00:00:00Z"}'),
    ('{"since": "2026-03-10T00:00:00Z", "until": "2026-03-20T00:00:00Z", "commune": "00070"}'),
    ('{"bbox": [105.84, 21.03, 105.85, 21.04]}'), ('{"bbox": [105.8, 21.0, 105.9, 21.1]}'),
    ('{"bbox": [-180, -90, 180, 90]}'), ('{"bbox": [105.84, 21.03, 105.85, 21.04], "commune": "00070", "state": ["accepted"]}'),
    ('{"bbox": [105.6, 20.9, 105.845, 21.2], "category": "noise"}');
insert into filters (a, any_found) values ('{"commune": "99999"}', false), ('{"category": "nothing"}', false),
    ('{"state": ["nothing"]}', false), ('{"bbox": [10, 10, 11, 11]}', false), ('{"bbox": [10, 10, 10.01, 10.01]}', false);

select ok(pg_temp.walk(f.a) = pg_temp.plain(f.a) and (cardinality(pg_temp.plain(f.a)) > 0) = f.any_found,
    'all pages of ' || f.a::text) from filters f order by f.n;

-- Paging is stable while cases come in and change.
create temp table seen as select pg_temp.page('{}', 10) as body;
select pg_temp.clock('2026-06-01 09:00+07');
select pg_temp.file(), pg_temp.file();
select ok(not exists (
    select from json_array_elements((select s.body -> 'items' from seen s)) a,
                json_array_elements(pg_temp.page('{}', 10, (select s.body ->> 'next' from seen s)) -> 'items') b
    where a ->> 'id' = b ->> 'id'), 'a new case does not shift the next page');
select is((pg_temp.page('{}', 10, (select s.body ->> 'next' from seen s)) #>> '{items,0,id}')::uuid,
    (pg_temp.plain('{"until": "2026-05-30T00:00:00Z"}'))[11], 'which begins where the last one ended');

-- Cursors.
select is(pg_temp.page('{"commune": "00070"}', 10, (select s.body ->> 'next' from seen s)) ->> 'code', 'invalid-cursor',
    'a cursor works with the filters that it was made for');
select is(pg_temp.page('{}', 10, c.cursor) ->> 'code', 'invalid-cursor', 'no cursor: ' || c.cursor)
from (values ('x'), ('AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'), (repeat('A', 64))) c (cursor);
select isnt(pg_temp.page('{}', 10, overlay((select s.body ->> 'next' from seen s) placing 'zzzz' from 13)) ->> 'code',
    'x', 'a forged position is no error of ours');
select is(pg_temp.page('{"bbox": [2, 2, 1, 1]}') ->> 'code', 'invalid-box', 'a box has an inside');

-- Search: exactly as typed first, then without marks, each newest first.
create function pg_temp.texts(q text) returns text[] language sql as $$
    select array_agg(regexp_replace(c.text_public, '\s\d+$', '') order by w.n)
    from unnest(pg_temp.walk(jsonb_build_object('q', q))) with ordinality w (id, n)
         join feedback.cases c on c.id = w.id
$$;
select is((select array_agg(distinct x.t order by x.t) from unnest((pg_temp.texts('Ổ gà'))[1:20]) x (t)),
    '{Ổ gà trên đường}', 'with marks: exact matches come first');
select ok((pg_temp.texts('Ổ gà'))[21] = 'Ở gà đường' and cardinality(pg_temp.texts('Ổ gà')) = 40,
    'then what differs in marks only');
select is((select count(distinct x.t)::int from unnest(pg_temp.texts('o ga')) x (t)), 2, 'without marks: all of them');
select ok((select bool_and(a.created_at >= b.created_at) from (
        select c.created_at, w.n from unnest(pg_temp.walk('{"q": "Ổ gà"}')) with ordinality w (id, n)
        join feedback.cases c on c.id = w.id) a join (
        select c.created_at, w.n from unnest(pg_temp.walk('{"q": "Ổ gà"}')) with ordinality w (id, n)
        join feedback.cases c on c.id = w.id) b on b.n = a.n + 1
    where a.n <> 20), 'each tier newest first, also across pages');
select is(cardinality(pg_temp.walk('{"q": "Ổ gà", "commune": "00070"}')),
    (select count(*)::int from feedback.cases c where c.commune = '00070' and c.text_public ~ '^[ỔỞ] gà'),
    'a search takes filters');
select is(cardinality(pg_temp.walk(jsonb_build_object('q', q.q))), 0, 'nothing is found for ' || q.q)
from (values ('~2960'), ('~c00070'), ('~kwaste'), ('~w' || feedback_days('2026-03-05') / 7), ('''\!|&()<->:*'), ('không có từ này')) q (q);

-- As people write: without a blank behind a dot, with slashes and dashes.
insert into seen select to_json(pg_temp.file('{"text": "Rác/nước thải ở Q.Ba Đình,P.Ngọc Hà,ngõ 5-7: xe.máy <không> qua được"}'));
select pg_temp.act('hk', (select (s.body #>> '{}')::uuid from seen s where json_typeof(s.body) = 'string'), 'accept');
select is(pg_temp.walk(jsonb_build_object('q', q.q)),
    array(select (s.body #>> '{}')::uuid from seen s where json_typeof(s.body) = 'string'), 'found: ' || q.q)
from (values ('nước thải'), ('nuoc thai'), ('rác/nước'), ('Ba Đình'), ('ngoc ha'), ('P.Ngọc Hà'), ('ngõ 5-7'), ('xe máy'),
             ('xe.máy'), ('không qua')) q (q);

-- All filters of a list. Where few cases pass some of them those few are searched; where
-- there are many the newest days and weeks, which two hundred cases do not lead to.
create function pg_temp.found(a jsonb) returns uuid[] language sql as $$
    select coalesce(array_agg(c.id order by c.text_public !~ '^Ổ', c.created_at desc, c.id desc), '{}')
    from unnest(pg_temp.plain(a)) p (id) join feedback.cases c using (id)
    where c.text_public ~ '^[ỔỞ] gà'
$$;
select cmp_ok((select count(*)::int from filters f where cardinality(pg_temp.found(f.a)) > 0), '>', 10, 'most find something');
select is(pg_temp.walk('{"q": "Ổ gà"}'::jsonb || f.a), pg_temp.found(f.a), 'all pages of a search with ' || f.a::text)
from filters f order by f.n;
create or replace function feedback_few(states text[], west float8, south float8, east float8, north float8,
    since timestamptz, until timestamptz, most int) returns uuid[] language sql stable as 'select null::uuid[]';
select is(pg_temp.walk('{"q": "Ổ gà"}'::jsonb || f.a), pg_temp.found(f.a), 'and where there are many, with ' || f.a::text)
from filters f order by f.n;

-- Whoever writes what the index writes for itself is in no other list for it.
create temp table sly as select pg_temp.file('{"text": "~c00004<b>~kwaste<b>~mèo đi lạc"}') as id;
select pg_temp.act('hk', id, 'accept') from sly;
select is(cardinality(pg_temp.walk('{"q": "đi lạc"}'::jsonb || f.a)), f.n, 'found with ' || f.a::text)
from (values ('{}'::jsonb, 1), ('{"commune": "00070", "category": "road_damage"}', 1),
    ('{"commune": "00004"}', 0), ('{"category": "waste"}', 0),
    ('{"commune": "00004", "state": ["accepted"]}', 0), ('{"q": "~mèo"}', 1), ('{"q": "meo"}', 1)) f (a, n);

-- The index is written anew, in turns, however long a release serves that does not know how.
create function pg_temp.due() returns text language sql as
    $$select string_agg(j.state || ' ' || j.attempts || ' ' || (j.run_at - core.now()), ', ')
      from core.jobs j where j.kind = 'feedback_words' and j.state <> 'done'$$;
create function pg_temp.turns(n int) returns void language plpgsql as $$
begin
    for i in 1 .. n loop
        update core.jobs set run_at = core.now() where kind = 'feedback_words' and state = 'due';
        perform jobs_run('test');
    end loop;
end
$$;
set local client_min_messages = error;    -- failing jobs warn
alter function job_feedback_words(jsonb) rename to job_of_another_release;
select pg_temp.turns(12);
select is(pg_temp.due(), 'due 0 00:00:10', 'who does not know how tries each ten seconds, and for ever');
alter function job_of_another_release(jsonb) rename to job_feedback_words;
update feedback.searches set words = 'xyzzy';
select cmp_ok((select count(*)::int from feedback.searches), '>', 100, 'there is more than one turn of cases');
select pg_temp.turns(10);
select is(pg_temp.due(), null, 'who knows how comes to the end');
select is((select count(*)::int from feedback.searches where words = 'xyzzy'), 0, 'of all cases');

select * from finish();
rollback;

-- Events for plugins: who gets what in which order, and what becomes of those
-- that nobody could deliver.
begin;
select plan(80);

create function pg_temp.later(by interval) returns void language sql as
    $$select set_config('core.clock_offset', (coalesce(nullif(current_setting('core.clock_offset', true), ''), '0')::interval + by)::text, true)$$;

-- The gateway of a plugin "p1x" that hears of its own bookings and of feedback.
create function pg_temp.asked(gateway text, "all" boolean default false,
    events text[] default '{p1x.booked,feedback.closed}', more jsonb default '{}')
returns jsonb language sql as $$
    select jsonb_build_object('gateway', gateway, 'all', "all", 'subscriptions', jsonb_agg(
        jsonb_build_object('plugin', 'p1x', 'topic', split_part(e, '.', 1), 'event', split_part(e, '.', 2),
            'attempts', 3, 'lease', 30, 'hold', false) || more))
    from unnest(events) e
$$;

-- This transaction is older than what it writes itself, so what is in the
-- outbox is given a transaction that has ended.
create function pg_temp.publish(event text, key text, payload jsonb default '{}') returns void language sql as $$
    select plugin_publish(split_part(event, '.', 1), event, core.uuid_of(key), payload)
$$;
create function pg_temp.settle() returns void language sql as $$
    update core.plugin_cursors set xid = '1';
    update core.outbox set xid = '2' where xid = pg_current_xact_id();
$$;

create function pg_temp.take(gateway text, "all" boolean default false,
    events text[] default '{p1x.booked,feedback.closed}', more jsonb default '{}')
returns setof text language sql as $$
    select t.event || ' ' || ((t.input::json -> 'payload') ->> 'n') || ' ' || (t.input::json ->> 'attempt')
    from plugin_events_take(pg_temp.asked(gateway, "all", events, more)) t
    where t.run is not null
$$;

create function pg_temp.end(n text, outcome text, error text default null, next boolean default false)
returns text language sql as $$
    select concat_ws(' ', e.kept, (e.input::json -> 'payload') ->> 'n')
    from core.plugin_deliveries d,
         plugin_event_end('p1x', d.id, d.run, "end".outcome, "end".error,
             case when next then pg_temp.asked('a:1') end) e
    where d.payload ->> 'n' = n
$$;

create function pg_temp.row(n text, what text) returns text language plpgsql as $$
declare said text;
begin
    execute format('select (%s)::text from core.plugin_deliveries where payload ->> ''n'' = %L', what, n) into said;
    return said;
end $$;

-- Publishing.
select pg_temp.publish('p1x.booked', 'a', '{"n": "before"}');
select lives_ok($$select outbox_append('p1x', 'x', core.uuid_of('a'), '{}')$$, 'a topic may have digits');
select throws_ok($$select outbox_append('1x', 'x', core.uuid_of('a'), '{}')$$, '23514', null, 'but not begin with one');
select throws_ok($$select plugin_publish('p1x', 'feedback.closed', core.uuid_of('a'), '{}')$$, '42501', null, 'a plugin speaks for itself only');
select throws_ok($$select plugin_publish('p1x', 'p1x.booked', core.uuid_of('a'), jsonb_build_object('x', repeat('x', 70000)))$$,
    '42501', null, 'and not for long');
select throws_ok($$select ihanoi_host.publish('p1x.booked', core.uuid_of('a'))$$, '42501', null, 'who is no plugin has no events');

-- A new plugin begins now.
select is_empty($$select pg_temp.take('a:1')$$, 'what was published before is for others');
select is((select string_agg(topic || '.' || event, ' ' order by topic) from core.plugin_subscriptions), 'feedback.closed p1x.booked', 'its subscriptions are known');

select pg_temp.publish('p1x.booked', 'a', '{"n": "a1"}');
select pg_temp.publish('p1x.cancelled', 'a', '{"n": "never"}');
select outbox_append('feedback', 'closed', core.uuid_of('a'), '{"n": "a2"}');
select pg_temp.publish('p1x.booked', 'b', '{"n": "b1"}');
select pg_temp.publish('p1x.booked', 'b', '{"n": "b2"}');
select pg_temp.publish('p1x.booked', 'a', '{"n": "a3"}');
select is_empty($$select pg_temp.take('a:1')$$, 'what is not committed is not delivered');
delete from core.outbox where payload ->> 'n' = 'before';
select pg_temp.settle();

select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked a1 1'), ('p1x.booked b1 1')$$, 'of each key the first');
select is_empty($$select pg_temp.take('b:1')$$, 'nobody else gets them meanwhile');
select is((select count(*)::int from core.plugin_deliveries), 5, 'what it has not subscribed to is not kept for it');
select is(pg_temp.row('a1', 'holder'), 'a:1', 'who delivers is known');
select is((select t.input::jsonb - 'id' - 'published_at' from plugin_events_next('p1x', '{}', 1) t), null, 'whoever has no subscriptions gets nothing');
select is(pg_temp.end('a1', 'ok'), 't', 'one that is delivered is over');
select is(pg_temp.end('a1', 'ok'), 'f', 'once');
select set_eq($$select pg_temp.take('b:1')$$, $$values ('feedback.closed a2 1')$$, 'then comes the next of its key, whatever its event');

-- A handler that fails.
select is(pg_temp.end('b1', 'error', repeat('é', 600), true), 't', 'after a failure nothing comes along');
select is(pg_temp.row('b1', $$state || attempts || (next_at - core.now()) || outcome || length(error)$$), 'due100:00:02error500', 'it is tried again in two seconds');
select is_empty($$select pg_temp.take('a:1')$$, 'and what follows it waits');
select is(pg_temp.end('a2', 'ok', null, true), 't a3', 'other keys go on, the next comes along');
select pg_temp.later('2 seconds');
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked b1 2')$$, 'the second attempt says so');
select pg_temp.end('b1', 'timeout');
select is(pg_temp.row('b1', 'next_at - core.now()'), '00:00:04', 'the wait doubles');
select pg_temp.later('4 seconds');
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked b1 3')$$, 'a third attempt');
select pg_temp.end('b1', 'failed', 'no');
select is(pg_temp.row('b1', 'state || attempts || error'), 'dead3no', 'is the last');
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked b2 1')$$, 'what follows a dead one goes on');
select results_eq($$select topic, attempts, outcome, error from plugin_events_dead('p1x')$$,
    $$values ('p1x.booked', 3, 'failed', 'no')$$, 'operators see it');
select ok(plugin_event_requeue('p1x', id), 'and may have it delivered again') from core.plugin_deliveries where payload ->> 'n' = 'b1';
select ok(not plugin_event_requeue('p1x', id), 'once') from core.plugin_deliveries where payload ->> 'n' = 'b1';
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked b1 1')$$, 'from its first attempt on');
select pg_temp.end(n, 'ok') from unnest('{b1,b2,a3}'::text[]) n;

-- Not begun, lost.
select pg_temp.publish('p1x.booked', 'c', '{"n": "c1"}');
select pg_temp.settle();
select is((select count(*)::int from core.plugin_deliveries where state = 'due'), 0, 'all are over');
select is_empty($$select pg_temp.take('a:1', more => '{"hold": true}')$$, 'a disabled plugin''s events wait');
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked c1 1')$$, 'until it is enabled, without coming twice');
select pg_temp.end('c1', 'busy');
select is(pg_temp.row('c1', $$state || attempts || (next_at - core.now())$$), 'due000:00:10', 'what could not begin is no attempt');
select pg_temp.later('10 seconds');
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked c1 1')$$, 'and comes again');
update core.plugin_deliveries set until = clock_timestamp() - interval '1 second' where run is not null;
select is_empty($$select pg_temp.take('b:1')$$, 'one that is lost');
select is(pg_temp.row('c1', 'outcome || attempts'), 'lost1', 'is an attempt');
select is(pg_temp.end('c1', 'ok'), 'f', 'whose end comes too late');
select pg_temp.later('2 seconds');
select set_eq($$select pg_temp.take('b:1')$$, $$values ('p1x.booked c1 2')$$, 'it comes again');

-- For operators.
select results_eq($$select topic, waiting, dead, running from plugin_events_list() where topic like 'p1x%'$$,
    $$values ('p1x.booked', 1::bigint, 0::bigint, 1::bigint)$$, 'they see what waits');
select is_empty($$select pg_temp.take('a:1', true)$$, 'once a while');
select is((select count(*)::int from core.plugin_deliveries), 1, 'what was delivered is cleared away');

-- A backlog has a bound: the rest stays in the outbox.
select pg_temp.end('c1', 'ok');
select count(pg_temp.publish('p1x.booked', 'd' || n, '{"n": "d"}')) from generate_series(1, 1500) n;
update core.outbox set xid = '3' where xid = pg_current_xact_id();
update core.plugin_cursors set xid = '2', id = 0;
delete from core.outbox where xid = '2';
select count(plugin_events_feed('p1x')) from generate_series(1, 10);
select is((select count(*)::int from core.plugin_deliveries where state = 'due'), 1000, 'a thousand wait at most');
select is((select count(*)::int from core.outbox o, core.plugin_cursors c where (o.xid, o.id) > (c.xid, c.id)), 500, 'the others are not passed');
select is((select waiting::int from plugin_events_list() where topic = 'p1x.booked'), 1500, 'but seen to wait');
update core.outbox set at = core.now() - interval '7 minutes' where xid = '3' and id = (select max(id) from core.outbox where xid = '3');
select is((select core.now() - oldest_at from plugin_events_list() where topic = 'p1x.booked'), '7 minutes', 'however old they are');
update core.plugin_deliveries set state = 'done' where state = 'due';
select count(plugin_events_feed('p1x')) from generate_series(1, 10);
select is((select count(*)::int from core.plugin_deliveries where payload ->> 'n' = 'd'), 1500, 'they come later');
select pg_temp.later('1 day');
update core.plugin_deliveries set state = 'dead', ended_at = core.now() - case when id % 2 = 0 then interval '91 days' else '89 days' end;
select pg_temp.take('a:1', true);
select is((select count(*)::int from core.plugin_deliveries where ended_at < core.now() - interval '90 days'), 0, 'the dead are not kept for ever');
select isnt((select count(*)::int from core.plugin_deliveries where state = 'dead'), 0, 'but for long');

-- Somebody is erased: who it was comes with the event, and nobody knows it any more
-- when all that are to forget have.
create function pg_temp.erased(n text) returns void language plpgsql as $$
begin
    insert into core.erasures values (core.uuid_of(n), 'test ' || n, '2');
    perform outbox_append('person', 'erased', core.uuid_of(n), jsonb_build_object('n', n));
    perform pg_temp.settle();
end $$;
create function pg_temp.subjects("all" boolean default false) returns setof text language sql as $$
    select t.input::json #>> '{payload,subject}'
    from plugin_events_take(pg_temp.asked('a:1', "all", '{person.erased}')) t where t.run is not null
$$;
delete from core.plugin_deliveries;
delete from core.outbox;
select is_empty('select pg_temp.subjects()', 'a plugin may hear of people who are erased');
select pg_temp.erased('x');
insert into core.plugin_subscriptions values ('p2x', 'person', 'erased', 10, core.now() + interval '1 day');
insert into core.plugin_cursors values ('p2x', '2', 9, core.now());
select results_eq('select pg_temp.subjects(true)', $$values ('test x')$$, 'it is told who that was');
select is_empty($$select from core.plugin_deliveries d where d::text ~ 'test x'$$, 'which stands in no event');
select pg_temp.end('x', 'ok');
select pg_temp.subjects(true);
select is((select subject from core.erasures), 'test x', 'and is known until all have read it');
update core.plugin_cursors set xid = '3' where plugin = 'p2x';
select pg_temp.subjects(true);
select is_empty('select from core.erasures', 'then no more');

select pg_temp.erased('y');
select pg_temp.subjects();
select is(pg_temp.end('y', 'failed', 'no'), 't', 'when one fails');
update core.plugin_deliveries set state = 'dead';
update core.plugin_cursors set xid = '3';
select pg_temp.subjects(true);
select is((select subject from core.erasures), 'test y', 'it is known still');
select plugin_event_requeue('p1x', id) from core.plugin_deliveries;
select results_eq('select pg_temp.subjects()', $$values ('test y')$$, 'and told again');
select pg_temp.end('y', 'ok');
select pg_temp.subjects(true);
select is_empty('select from core.erasures', 'until it is done');
delete from core.plugin_subscriptions where topic = 'person';
delete from core.plugin_cursors where plugin = 'p2x';

-- A transaction that began before another may come to a subject after it.
delete from core.plugin_deliveries;
delete from core.outbox;
select pg_temp.publish('p1x.booked', 'e', '{"n": "e1"}');
select pg_temp.publish('p1x.booked', 'e', '{"n": "e2"}');
select pg_temp.settle();
update core.outbox set xid = '3' where payload ->> 'n' = 'e1';
select results_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked e1 1')$$, 'what was published first comes first');
select is(pg_temp.end('e1', 'ok', null, true), 't e2', 'then what came after it');
select pg_temp.end('e2', 'ok');
select pg_temp.publish('p1x.booked', 'g', '{"n": "g1"}');
select pg_temp.publish('p1x.booked', 'g', '{"n": "g2"}');
select pg_temp.publish('p1x.booked', 'h', '{"n": "h1"}');
select pg_temp.publish('p1x.booked', 'i', '{"n": "i1"}');
update core.plugin_cursors set xid = '1';
update core.outbox set xid = case payload ->> 'n' when 'i1' then '4' when 'g2' then '5' when 'h1' then '6' end::xid8
where payload ->> 'n' in ('g2', 'h1', 'i1');
select results_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked i1 1')$$,
    'one waits, with what comes behind it, until the first may be read');
update core.outbox set xid = '7' where payload ->> 'n' = 'g1';
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked g1 1'), ('p1x.booked h1 1')$$, 'and is the second then');
select pg_temp.end(n, 'ok') from unnest('{g1,h1,i1}'::text[]) n;
select results_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked g2 1')$$, 'also of those');

-- Two gateways: the cursor of the one that has seen more stays.
delete from core.plugin_deliveries;
delete from core.outbox;
select pg_temp.publish('p1x.booked', 'c', '{"n": "c1"}');
select pg_temp.publish('p1x.booked', 'd', '{"n": "d1"}');
select pg_temp.settle();
select is(plugin_events_feed('p1x', 1), 1, 'one at a time');
update core.plugin_cursors set xid = '1', id = 0;
select is(plugin_events_feed('p1x', 1), 1, 'what is there already has been read, too');
select is(plugin_events_feed('p1x', 1), 1, 'and what follows it comes');
select is(pg_temp.row('d1', 'state'), 'due', 'without a gap');
do $$ begin    -- a transaction with a number behind this one's, that has ended
    update core.plugin_cursors set id = 0;
    raise exception 'undone';
exception when raise_exception then null;
end $$;
update core.plugin_cursors set xid = pg_snapshot_xmax(pg_current_snapshot()), id = 7, moved_at = '-infinity';
select plugin_events_feed('p1x');
select is((select id::int from core.plugin_cursors), 7, 'it never goes back');

-- Restored into another cluster, which counts transactions anew: what was not read
-- before the dump comes, what was does not come again, and what is new comes.
delete from core.plugin_deliveries;
delete from core.outbox;
delete from core.erasures;
select is_empty($$select pg_temp.take('a:1', events => '{p1x.booked,person.erased}')$$, 'nothing is new');
select pg_temp.publish('p1x.booked', 'a', '{"n": "old1"}');
select pg_temp.publish('p1x.booked', 'b', '{"n": "old2"}');
update core.outbox set xid = case payload ->> 'n' when 'old1' then '900000000001' else '900000000005' end::xid8;
insert into core.erasures select core.uuid_of(n), 'test ' || n, '900000000005' from unnest('{c,d}'::text[]) n;
select outbox_append('person', 'erased', core.uuid_of('c'), '{"n": "old3"}');
update core.outbox set xid = '900000000005' where payload ->> 'n' = 'old3';
update core.plugin_cursors set xid = '900000000002', id = 0, moved_at = '-infinity';
select pg_temp.publish('p1x.booked', 'a', '{"n": "new1"}');
update core.outbox set xid = '2' where xid = pg_current_xact_id();
select set_eq($$select pg_temp.take('a:1', true, '{p1x.booked,person.erased}')$$,
    $$values ('p1x.booked old2 1'), ('person.erased old3 1'), ('p1x.booked new1 1')$$,
    'what a plugin had not read when the database was dumped comes after a restore, and what is new');
select results_eq('select subject from core.erasures order by 1', $$values ('test c'), ('test d')$$, 'who was erased is known until it was');
select pg_temp.end(n, 'ok') from unnest('{old2,old3,new1}'::text[]) n;
update core.plugin_cursors set xid = '1', id = 0;
delete from core.outbox where payload ->> 'n' = 'new1';
update core.outbox set xid = '2';
select pg_temp.take('a:1', true, '{p1x.booked,person.erased}');
select is_empty($$select from core.plugin_deliveries where state = 'due'$$, 'nothing of it comes again when its numbers are reached');
select is_empty('select from core.erasures', 'and nobody knows who was erased');

-- Of months of it none is looked at when what waits is counted.
create function pg_temp.pages() returns int language plpgsql as $$
declare said json;
begin
    execute 'explain (analyze, buffers, format json) select * from plugin_events_list()' into said;
    return (said -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::int + (said -> 0 -> 'Plan' ->> 'Shared Read Blocks')::int;
end $$;
select pg_temp.pages();
create temp table pages as select pg_temp.pages() as n;
insert into core.outbox (xid, topic, event, subject, payload)
select '900000000005', 'p1x', 'booked', core.uuid_of('a'), '{"n": "long ago"}' from generate_series(1, 20000);
update core.plugin_cursors set xid = '1', id = 0, before = (select max(id) from core.outbox);
analyze core.outbox;
select pg_temp.pages();
select cmp_ok(pg_temp.pages() - n, '<', 30, 'what was told in another cluster costs nothing') from pages;
select is((select waiting::int from plugin_events_list() where topic = 'p1x.booked'), 0, 'and does not wait');
delete from core.outbox where payload ->> 'n' <> 'old1';
update core.outbox set xid = '900000000005';
insert into core.plugin_subscriptions values ('p2x', 'p1x', 'booked', 10, core.now());
select from plugin_events_take('{"gateway": "a:1", "all": false, "subscriptions": [{"plugin": "p2x", "topic": "p1x",
    "event": "booked", "attempts": 10, "lease": 30, "hold": false}]}');
update core.plugin_cursors set xid = '1', id = 0 where plugin = 'p2x';
update core.outbox set xid = '2';
select plugin_events_feed('p2x');
select is_empty($$select from core.plugin_deliveries where plugin = 'p2x'$$, 'nor to a plugin that is new then');
delete from core.plugin_subscriptions where plugin = 'p2x';
delete from core.plugin_cursors where plugin = 'p2x';

-- What nobody has any more. While the database was away nobody could say so: another
-- gateway's plugin has what was published then, and hears who was erased.
delete from core.plugin_subscriptions;
delete from core.plugin_cursors;
insert into core.plugin_subscriptions select 'p2x', 'person', e, 10, core.now() from unnest('{erased,moved}'::text[]) e;
insert into core.plugin_cursors values ('p2x', '2', 9, core.now());
select pg_temp.take('a:1');
select pg_temp.later('2 hours');
select pg_temp.take('a:1', n > 1) from generate_series(1, 2) n;
select is((select count(*)::int from core.plugin_subscriptions where plugin = 'p2x'), 2, 'an hour in which none could ask is no hour without a gateway');
select isnt((select xid from core.plugin_cursors where plugin = 'p2x'), null, 'and its place in the outbox stays');
do $$
begin
    for minute in 1 .. 61 loop
        perform pg_temp.later('1 minute');
        perform pg_temp.take('a:1', true, '{p1x.booked}');
    end loop;
end $$;
select is((select string_agg(topic, ' ') from core.plugin_subscriptions), 'p1x', 'a subscription that no gateway has for an hour is forgotten');

set local role ihanoi_control;
select lives_ok($$select * from plugin_events_take('{"gateway": "c:1", "all": true, "subscriptions": []}')$$, 'the control role asks');
set local role ihanoi_write;
select lives_ok($$select plugin_event_end('p1x', 1, gen_random_uuid(), 'ok', null, pg_temp.asked('a:1'))$$, 'the write role reports');

select * from finish();
rollback;

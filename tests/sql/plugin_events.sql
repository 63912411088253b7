-- Events for plugins: who gets what in which order, and what becomes of those
-- that nobody could deliver.
begin;
select plan(109);

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
    update core.plugin_cursors set seen = '1:1:';
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
select is_empty($$select pg_temp.take('a:1')$$, 'not beside the one of its key that is under way');
select pg_temp.end('b2', 'ok');
select set_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked b1 1')$$, 'from its first attempt on');
select pg_temp.end(n, 'ok') from unnest('{b1,a3}'::text[]) n;

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
update core.plugin_cursors set seen = '2:2:';
delete from core.outbox where xid = '2';
select count(plugin_events_feed('p1x')) from generate_series(1, 10);
select is((select count(*)::int from core.plugin_deliveries where state = 'due'), 1000, 'a thousand wait at most');
select is((select count(*)::int from core.outbox o, core.plugin_cursors c where (o.xid, o.id) > (c.at_xid, c.at_id)), 500, 'the others are not passed');
select ok(not pg_visible_in_snapshot('3', seen), 'nor is their transaction') from core.plugin_cursors;
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
insert into core.plugin_cursors (plugin, seen, moved_at) values ('p2x', '2:2:', core.now());
select results_eq('select pg_temp.subjects(true)', $$values ('test x')$$, 'it is told who that was');
select is_empty($$select from core.plugin_deliveries d where d::text ~ 'test x'$$, 'which stands in no event');
select pg_temp.end('x', 'ok');
select pg_temp.subjects(true);
select is((select subject from core.erasures), 'test x', 'and is known until all have read it');
update core.plugin_cursors set seen = '1:4:2' where plugin = 'p2x';
select pg_temp.subjects(true);
select is((select subject from core.erasures), 'test x', 'also by one that has read what came later');
update core.plugin_cursors set seen = '3:3:' where plugin = 'p2x';
select pg_temp.subjects(true);
select is_empty('select from core.erasures', 'then no more');

select pg_temp.erased('y');
select pg_temp.subjects();
select is(pg_temp.end('y', 'failed', 'no'), 't', 'when one fails');
update core.plugin_deliveries set state = 'dead';
update core.plugin_cursors set seen = '3:3:';
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

-- One that was committed later comes too late for that, but beside the other it does not come.
select pg_temp.publish('p1x.booked', 'g', '{"n": "g1"}');
select pg_temp.publish('p1x.booked', 'g', '{"n": "g2"}');
update core.plugin_cursors set seen = '1:1:';
update core.outbox set xid = '5' where payload ->> 'n' = 'g2';
select results_eq($$select pg_temp.take('a:1')$$, $$values ('p1x.booked g2 1')$$, 'what is committed first does not wait');
update core.outbox set xid = '4' where payload ->> 'n' = 'g1';
update core.plugin_cursors set seen = '4:6:4';
select is_empty($$select pg_temp.take('b:1')$$, 'what was published before it waits');
select is(pg_temp.row('g1', 'state'), 'due', 'though it has been read');
select is(pg_temp.end('g2', 'ok', null, true), 't g1', 'until the one under way is over');
select pg_temp.end('g1', 'ok');

-- What was running when a plugin last read is read when it is over, and nothing else again.
create function pg_temp.published(variadic numbers text[]) returns void language plpgsql as $$
begin
    delete from core.plugin_deliveries;
    delete from core.outbox;
    insert into core.outbox (xid, topic, event, subject, payload)
    select n::xid8, 'p1x', 'booked', core.uuid_of(n || i), jsonb_build_object('n', n || '.' || i)
    from unnest(numbers) n, generate_series(1, 2) i
    order by i;
end $$;
create function pg_temp.fed(most int default 200) returns text language plpgsql as $$
declare said text;
begin
    perform plugin_events_feed('p1x', most);
    with read as (delete from core.plugin_deliveries d returning d.xid, d.id, d.payload)
    select string_agg(payload ->> 'n', ' ' order by xid, id) into said from read;
    return said;
end $$;
select pg_temp.published('3', '5', '6', '7', '8', '9');
update core.plugin_cursors set seen = '5:8:5,7';
select is(pg_temp.fed(), '5.1 5.2 7.1 7.2 8.1 8.2 9.1 9.2', 'transactions that were running, and later ones');
select is(pg_temp.fed(), null, 'once');
update core.plugin_cursors set seen = '5:8:5,7';
select is(pg_temp.fed(3), '5.1 5.2 7.1', 'in pieces');
select pg_temp.published('5', '7', '8', '9');
update core.plugin_cursors set seen = '5:8:5,7', upto = '6:9:6,7', at_xid = '5', at_id = (select id from core.outbox where payload ->> 'n' = '5.1');
select is(waiting::int, 3, 'what is behind the piece waits') from plugin_events_list() where topic = 'p1x.booked';
select is(pg_temp.fed(3), '5.2 8.1 8.2', 'of what could be read at the first one');
select is(pg_temp.fed(3), null, 'to its end');
select is(pg_temp.fed(3), '7.1 7.2 9.1', 'then what is new since');
select is(pg_temp.fed(3), '9.2', 'with nothing left out');
select is(pg_temp.fed(), null, 'nor twice');
update core.plugin_cursors set seen = '10:10:', moved_at = core.now() - interval '11 seconds';
select is(pg_temp.fed(), null, 'where nothing is new for long');
select ok(pg_snapshot_xmin(seen) > '10', 'the way to what comes does not get long') from core.plugin_cursors;

-- This transaction is running for itself, too, though others with later numbers are over.
do $$ begin
    update core.plugin_cursors set id = 0;
    raise exception 'undone';
exception when raise_exception then null;
end $$;
select ok(pg_visible_in_snapshot(pg_current_xact_id(), pg_current_snapshot()), 'PostgreSQL takes a transaction''s own writes for seen');
select ok(not pg_visible_in_snapshot(pg_current_xact_id(), outbox_snapshot()), 'who reads the outbox does not');
select pg_temp.publish('p1x.booked', 'a', '{"n": "own"}');
select is(pg_temp.fed(), null, 'what it publishes comes when it is over');
select ok(not pg_visible_in_snapshot(pg_current_xact_id(), seen), 'as its place says') from core.plugin_cursors;
select is(outbox_snapshot()::text, format('%s:%s:%s', pg_snapshot_xmin(s), pg_snapshot_xmax(s), array_to_string(array(select x from pg_snapshot_xip(s) x union select pg_current_xact_id() order by 1), ',')), 'all else is in it as it is')
from pg_current_snapshot() s;

-- A release before 0022 goes by a transaction and an id: each goes on from the other's place.
select pg_temp.published('5', '6');
update core.plugin_cursors set seen = '4:4:';
select is(pg_temp.fed(3), '5.1 5.2 6.1', 'a piece is read');
select is((xid, id), ('4'::xid8, 0::bigint), 'of which that one knows the beginning') from core.plugin_cursors;
update core.plugin_cursors set xid = '6', id = (select id from core.outbox where payload ->> 'n' = '6.1');
select is(pg_temp.fed(), '6.2', 'where that one has gone on it is gone on');
select is(xid, pg_snapshot_xmin(seen), 'and it from there') from core.plugin_cursors;
insert into core.plugin_cursors (plugin, xid, moved_at) values ('p3x', '0', core.now()), ('p4x', '7', core.now());
select results_eq($$select seen::text, at_xid::text from core.plugin_cursors where plugin in ('p3x', 'p4x') order by plugin$$,
    $$values ('1:1:', '0'), ('7:7:', '7')$$, 'also with a plugin that is new there');
delete from core.plugin_cursors where plugin in ('p3x', 'p4x');

-- Two gateways, which have read the same.
delete from core.plugin_deliveries;
delete from core.outbox;
select pg_temp.publish('p1x.booked', 'c', '{"n": "c1"}');
select pg_temp.publish('p1x.booked', 'd', '{"n": "d1"}');
select pg_temp.settle();
select is(plugin_events_feed('p1x', 1), 1, 'one at a time');
update core.plugin_cursors set upto = null, at_xid = '0', at_id = 0;
select is(plugin_events_feed('p1x', 1), 1, 'what is there already has been read, too');
select is(plugin_events_feed('p1x', 1), 1, 'and what follows it comes');
select is(pg_temp.row('d1', 'state'), 'due', 'without a gap');

-- Restored into another cluster, which counts transactions anew: what was not read
-- before the dump comes, what was does not come again, and what is new comes.
delete from core.plugin_deliveries;
delete from core.outbox;
delete from core.erasures;
select is_empty($$select pg_temp.take('a:1', events => '{p1x.booked,person.erased}')$$, 'nothing is new');
select pg_temp.publish('p1x.booked', 'e', '{"n": "old0"}');
select pg_temp.publish('p1x.booked', 'a', '{"n": "old1"}');
select pg_temp.publish('p1x.booked', 'b', '{"n": "old2"}');
update core.outbox set xid = case payload ->> 'n' when 'old0' then '3' when 'old1' then '900000000001' else '900000000005' end::xid8;
insert into core.erasures select core.uuid_of(n), 'test ' || n, '900000000005' from unnest('{c,d}'::text[]) n;
select outbox_append('person', 'erased', core.uuid_of('c'), '{"n": "old3"}');
update core.outbox set xid = '900000000005' where payload ->> 'n' = 'old3';
update core.plugin_cursors set seen = '3:900000000002:3', upto = null, at_xid = '0', at_id = 0, moved_at = '-infinity';
select pg_temp.publish('p1x.booked', 'a', '{"n": "new1"}');
update core.outbox set xid = '2' where xid = pg_current_xact_id();
select is((select waiting::int from plugin_events_list() where topic = 'p1x.booked'), 2, 'it is seen to wait');
select set_eq($$select pg_temp.take('a:1', true, '{p1x.booked,person.erased}')$$,
    $$values ('p1x.booked old0 1'), ('p1x.booked old2 1'), ('person.erased old3 1'), ('p1x.booked new1 1')$$,
    'what a plugin had not read when the database was dumped comes after a restore, and what is new');
select results_eq('select subject from core.erasures order by 1', $$values ('test c'), ('test d')$$, 'who was erased is known until it was');
select pg_temp.end(n, 'ok') from unnest('{old0,old2,old3,new1}'::text[]) n;
update core.plugin_cursors set seen = '1:1:';
delete from core.outbox where payload ->> 'n' = 'new1';
update core.outbox set xid = '2';
select pg_temp.take('a:1', true, '{p1x.booked,person.erased}');
select is_empty($$select from core.plugin_deliveries where state = 'due'$$, 'nothing of it comes again when its numbers are reached');
select is_empty('select from core.erasures', 'and nobody knows who was erased');

-- It is found out at the first look, also where a piece had been read, or a thousand wait:
-- this cluster's numbers may pass the place before the next one.
select pg_temp.published('900000000001', '900000000002', '900000000003', '900000000005');
update core.plugin_cursors set seen = '900000000001:900000000001:', upto = '900000000001:900000000004:900000000001',
    at_xid = '900000000002', at_id = (select max(id) from core.outbox where xid = '900000000002'), before = 0, moved_at = core.now();
select is(pg_temp.fed(1), '900000000001.1 900000000001.2 900000000003.1 900000000003.2 900000000005.1 900000000005.2',
    'the rest of a piece, and what was running at its beginning');
select is(pg_snapshot_xmax(seen) < '900000000000' and upto is null, true, 'and the place is in this cluster') from core.plugin_cursors;
select pg_temp.published('900000000005');
insert into core.plugin_deliveries (plugin, id, xid, at, topic, event, subject, payload, next_at)
select 'p1x', -n, '2', core.now(), 'p1x', 'booked', core.uuid_of('z' || n), '{}', core.now() from generate_series(1, 1000) n;
update core.plugin_cursors set seen = '900000000001:900000000001:', before = 0, moved_at = core.now();
select plugin_events_feed('p1x');
select is((select count(*)::int from core.plugin_deliveries where id > 0), 2, 'where a thousand wait, too');
select is(pg_snapshot_xmax(seen) < '900000000000', true, 'and the place is in this cluster') from core.plugin_cursors;
delete from core.plugin_deliveries;
delete from core.outbox;
select pg_temp.publish('p1x.booked', 'a', '{"n": "old1"}');
update core.outbox set xid = '2';
update core.plugin_cursors set seen = '3:3:', before = 0;

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
update core.plugin_cursors set seen = '1:1:', before = (select max(id) from core.outbox);
analyze core.outbox;
select pg_temp.pages();
select cmp_ok(pg_temp.pages() - n, '<', 30, 'what was told in another cluster costs nothing') from pages;
select is((select waiting::int from plugin_events_list() where topic = 'p1x.booked'), 0, 'and does not wait');
delete from core.outbox where payload ->> 'n' <> 'old1';
update core.outbox set xid = '900000000005';
insert into core.plugin_subscriptions values ('p2x', 'p1x', 'booked', 10, core.now());
select from plugin_events_take('{"gateway": "a:1", "all": false, "subscriptions": [{"plugin": "p2x", "topic": "p1x",
    "event": "booked", "attempts": 10, "lease": 30, "hold": false}]}');
update core.plugin_cursors set seen = '1:1:' where plugin = 'p2x';
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
insert into core.plugin_cursors (plugin, seen, moved_at) values ('p2x', '2:2:', core.now());
select pg_temp.take('a:1');
select pg_temp.later('2 hours');
select pg_temp.take('a:1', n > 1) from generate_series(1, 2) n;
select is((select count(*)::int from core.plugin_subscriptions where plugin = 'p2x'), 2, 'an hour in which none could ask is no hour without a gateway');
select isnt((select seen::text from core.plugin_cursors where plugin = 'p2x'), null, 'and its place in the outbox stays');
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

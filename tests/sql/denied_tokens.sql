-- The deny list as gateways poll it (docs/conventions.md).
begin;
select plan(20);

delete from core.denied_tokens;

select results_eq($$select kind, next is not null from denied_tokens(null)$$,
    $$values (null::text, true)$$, 'an empty list is one row that says where to go on');

select token_deny('i', 'sub', 's', '2026-01-01 00:00+00', core.now() + interval '1 hour', 'lost phone');
select results_eq($$select kind, iss, value, denied_before from denied_tokens(null)$$,
    $$values ('sub', 'i', 's', 1767225600::bigint)$$, 'a denial is given');
select is((select forget_at > extract(epoch from core.now()) from denied_tokens(null)), true,
    'with when to forget it');
select results_eq($$select value from denied_tokens((select next from denied_tokens(null) limit 1))$$,
    $$values ('s')$$, 'it comes again while transactions of its time may be running');
-- A mark of this place with another transaction id, and of another place.
create function pg_temp.mark(xid xid8, place text default null) returns text language sql as $$
    select concat(coalesce(place, split_part(next, ' ', 1)), ' ', xid)
    from denied_tokens(null) limit 1
$$;

update core.denied_tokens set xid = '3';
select results_eq(
    $$select kind from denied_tokens(pg_temp.mark(pg_snapshot_xmax(pg_current_snapshot())))$$,
    $$values (null::text)$$, 'and not after');
select results_eq(
    $$select value from denied_tokens(pg_temp.mark(pg_snapshot_xmax(pg_current_snapshot()), 'x'))$$,
    $$values ('s')$$, 'a mark of another place asks for everything');
select results_eq($$select value from denied_tokens(pg_temp.mark('9223372036854775807'))$$,
    $$values ('s')$$, 'and so does one from a future that did not come');
select results_eq($$select value from denied_tokens('1234')$$,
    $$values ('s')$$, 'and one that says no place');

select token_deny('i', 'sub', 's', '2025-01-01 00:00+00', core.now(), '');
select is((select denied_before from denied_tokens(pg_temp.mark('0'))), 1767225600::bigint,
    'denying again lets nothing in');
select is((select forget_at > extract(epoch from core.now()) from denied_tokens(pg_temp.mark('0'))),
    true, 'nor forgets sooner');
select token_deny('i', 'sub', 's', null, core.now(), '');
select is((select denied_before from denied_tokens(pg_temp.mark('0'))), null,
    'denying all beats denying some');

update core.denied_tokens set forget_at = 'infinity', denied_before = 'infinity';
select results_eq($$select denied_before, forget_at from denied_tokens(null)$$,
    $$values (null::bigint, null::bigint)$$, 'for ever is null');
update core.denied_tokens set forget_at = '-infinity', denied_before = '-infinity';
select results_eq($$select denied_before, forget_at from denied_tokens(pg_temp.mark('0'))$$,
    $$values (1::bigint, 0::bigint)$$, 'and never is long ago');

update core.denied_tokens set forget_at = core.now() - interval '1 second';
select is((select kind from denied_tokens(null)), null, 'what is to be forgotten is not in the full list');

-- Taken back.
update core.denied_tokens set forget_at = core.now() + interval '1 hour', xid = '3';
select is(token_deny_lift('i', 'sub', 's'), true, 'a denial is lifted');
select results_eq($$select value, forget_at <= extract(epoch from core.now()) + 1
    from denied_tokens(pg_temp.mark('4'))$$,
    $$values ('s', true)$$, 'gateways that know it read that it is over');
select results_eq($$select value from denied_tokens('elsewhere 4')$$,
    $$values ('s')$$, 'also those that come from another place');
select is(token_deny_lift('i', 'sub', 's'), false, 'once');
select token_deny('i', 'sub', 's', '2025-01-01 00:00+00', core.now() + interval '1 hour', '');
select is((select denied_before from denied_tokens(pg_temp.mark('4'))),
    extract(epoch from timestamptz '2025-01-01 00:00+00')::bigint,
    'denied again, it is what is said now');

-- A poll that has nothing new to read costs nothing.
insert into core.denied_tokens (iss, kind, value, forget_at, xid)
select 'i', 'sid', g::text, core.now() + interval '1 hour', '3' from generate_series(1, 2000) g;
analyze core.denied_tokens;
\ir lib/tuples.psql
select pg_temp.mark('9') as mark \gset
select pg_temp.tuples_read('core.denied_tokens') as read \gset
select from denied_tokens(:'mark');
select cmp_ok(pg_temp.tuples_read('core.denied_tokens') - :read, '<', 10::bigint, 'a poll reads what is new, not the list');

select * from finish();
rollback;

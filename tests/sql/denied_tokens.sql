-- The deny list as gateways poll it (docs/conventions.md).
begin;
select plan(13);

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
select results_eq($$select kind from denied_tokens((pg_current_xact_id()::text::bigint + 1)::text)$$,
    $$values (null::text)$$, 'and not after');

select token_deny('i', 'sub', 's', '2025-01-01 00:00+00', core.now(), '');
select is((select denied_before from denied_tokens('0')), 1767225600::bigint, 'denying again lets nothing in');
select is((select forget_at > extract(epoch from core.now()) from denied_tokens('0')), true, 'nor forgets sooner');
select token_deny('i', 'sub', 's', null, core.now(), '');
select is((select denied_before from denied_tokens('0')), null, 'denying all beats denying some');

update core.denied_tokens set forget_at = core.now() - interval '1 second';
select is((select kind from denied_tokens(null)), null, 'what is to be forgotten is not in the full list');

-- Taken back.
update core.denied_tokens set forget_at = core.now() + interval '1 hour', xid = '3';
select is(token_deny_lift('i', 'sub', 's'), true, 'a denial is lifted');
select results_eq($$select value, forget_at <= extract(epoch from core.now()) + 1 from denied_tokens('4')$$,
    $$values ('s', true)$$, 'gateways that know it read that it is over');
select is(token_deny_lift('i', 'sub', 's'), false, 'once');
select token_deny('i', 'sub', 's', '2025-01-01 00:00+00', core.now() + interval '1 hour', '');
select is((select denied_before from denied_tokens('4')), extract(epoch from timestamptz '2025-01-01 00:00+00')::bigint,
    'denied again, it is what is said now');

select * from finish();
rollback;

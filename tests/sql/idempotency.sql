-- Idempotency keys: claimed, replayed, refused, never doubled.
begin;
select plan(36);

select is((select state from idempotency_claim('i s', 'op', 'k', 'h')), 'claimed',
    'a new key is claimed');
select lives_ok($$select idempotency_complete('i s', 'op', 'k', 'h', null, null, null, '{"code": "x"}')$$,
    'a refusal takes the claim back');
select is((select state from idempotency_claim('i s', 'op', 'k', 'other')), 'claimed',
    'so that the mended request may use the key');
select lives_ok($$select idempotency_complete('i s', 'op', 'k', 'other', 201, 'e', '/l', '{"a": 1}')$$,
    'an answer is kept');
select results_eq($$select state, status, etag, location, body::text from idempotency_claim('i s', 'op', 'k', 'other')$$,
    $$values ('replay', 201, 'e', '/l', '{"a": 1}')$$, 'and given again as it was');
select is((select state from idempotency_claim('i s', 'op', 'k', 'h')), 'mismatch',
    'another body under the same key is a mismatch');

-- Of a JSON body a second word says what it means, whichever way it is written.
select idempotency_complete('i s', 'op', 'json', 'bytes same', 201, null, null, '{}');
select is((select state from idempotency_claim('i s', 'op', 'json', 'others same')), 'replay',
    'the same, written anew, is the same request');
select is((select state from idempotency_claim('i s', 'op', 'json', 'bytes')), 'replay',
    'and so it is for a gateway that knows the bytes only');
select is((select state from idempotency_claim('i s', 'op', 'json', 'others else')), 'mismatch',
    'something else is not');
select is((select state from idempotency_claim('i s', 'op', 'json', 'others')), 'mismatch',
    'nor are other bytes of which nothing is known');
select idempotency_complete('i s', 'op', 'bytes', 'bytes', 201, null, null, '{}');
select is((select state from idempotency_claim('i s', 'op', 'bytes', 'bytes same')), 'replay',
    'an answer that is kept for its bytes is given for them');
select is((select state from idempotency_claim('i s', 'op', 'bytes', 'others same')), 'mismatch',
    'and for no others');

select is((select state from idempotency_claim('i s', 'op2', 'k', 'h')), 'claimed',
    'another operation has its own keys');
select is((select state from idempotency_claim('i t', 'op', 'k', 'h')), 'claimed',
    'another subject has its own keys');

-- A key in use: another session holds it.
create extension if not exists dblink schema public;
select dblink_connect('other', format('host=%s port=%s dbname=%s user=%s',
    split_part(current_setting('unix_socket_directories'), ',', 1),
    current_setting('port'), current_database(), current_user));
select dblink_exec('other', format('set search_path = %s', current_setting('search_path')));
select dblink_exec('other', 'begin');
select * from dblink('other', $$select state from idempotency_claim('i s', 'op', 'busy', 'h')$$) r (state text);
select is((select state from idempotency_claim('i s', 'op', 'busy', 'h')), 'in_use',
    'a key that another request holds is in use, and nobody waits');
select * from dblink('other', $$select idempotency_complete('i s', 'op', 'busy', 'h', 200, null, null, '{}')::text$$) r (x text);
select is((select state from idempotency_claim('i s', 'op', 'busy', 'h')), 'in_use',
    'also when it has its answer but has not committed');
select idempotency_complete('i s', 'op', 'asked', 'h', 201, null, null, '{}');
select * from dblink('other', $$select state from idempotency_claim('i s', 'op', 'asked', 'h')$$) r (state text);
select is((select state from idempotency_claim('i s', 'op', 'asked', 'h')), 'replay',
    'of two that ask for an answer at once neither is told that it is under way');
select dblink_exec('other', 'rollback');
select is((select state from idempotency_claim('i s', 'op', 'busy', 'h')), 'claimed',
    'when that request failed, the next may try');
select dblink_disconnect('other');

-- Keys are kept for a time.
select set_config('core.clock_offset', '23 hours', true);
select is((select state from idempotency_claim('i s', 'op', 'k', 'other')), 'replay',
    'the answer is there after 23 hours');
select set_config('core.clock_offset', '25 hours', true);
select is((select state from idempotency_claim('i s', 'op', 'k', 'other')), 'claimed',
    'and forgotten after 25');

-- Their partitions go a day after their last row: a longer time would not be kept.
select throws_ok($$insert into core.settings (name, valid_from, value, note)
    values ('idempotency.keep_hours', '2024-01-02', '25', 'too long')$$, '23514', null,
    'a key cannot be promised for longer than its partition stands');
select lives_ok($$insert into core.settings (name, valid_from, value, note)
    values ('idempotency.keep_hours', '2024-01-02', '12', 'shorter')$$,
    'for a shorter time it can');
select set_config('core.clock_offset', '13 hours', true);
select is((select state from idempotency_claim('i s', 'op', 'k', 'other')), 'claimed',
    'and is forgotten then');
delete from core.settings where name = 'idempotency.keep_hours' and valid_from > '2024-01-01';

-- Handlers that run between two transactions.
select set_config('core.clock_offset', '0', true);
select is((select state from idempotency_begin('i s', 'lua', 'k', 'h', 'r1', 5000)), 'claimed',
    'a handler claims a key');
select is((select state from idempotency_begin('i s', 'lua', 'k', 'h', 'r2', 5000)), 'in_use',
    'which is in use as long as it runs');
select is(idempotency_end('i s', 'lua', 'k', 'h', 'r2', 200, null, null, '{}'), false,
    'another request cannot end it');
select is(idempotency_end('i s', 'lua', 'k', 'h', 'r1', null, null, null, null), true,
    'a refusal gives it back');
select is((select state from idempotency_begin('i s', 'lua', 'k', 'h', 'r3', 5000)), 'claimed',
    'so that the next may try');
select set_config('core.clock_offset', '6 seconds', true);
select is((select state from idempotency_begin('i s', 'lua', 'k', 'h', 'r4', 5000)), 'claimed',
    'as it may when the holder died');
select is(idempotency_end('i s', 'lua', 'k', 'h', 'r3', 200, null, null, '{"by": 3}'), false,
    'whose late answer is not kept');
select is(idempotency_end('i s', 'lua', 'k', 'h', 'r4', 201, 'e', '/l', '{"by": 4}'), true,
    'but that of the one who has the key');
select results_eq($$select status, etag, location, body::text, state from idempotency_begin('i s', 'lua', 'k', 'h', 'r5', 5000)$$,
    $$values (201, 'e', '/l', '{"by": 4}', 'replay')$$, 'and given again');
select is((select state from idempotency_begin('i s', 'lua', 'k', 'other', 'r6', 5000)), 'mismatch',
    'another body is a mismatch');
select is_empty('select 1 from core.key_leases where until > core.now()', 'and no lease is left');
update core.key_leases set until = core.now() + interval '1 second'
where digest = idempotency_digest('i s', 'lua', 'k');
select is((select state from idempotency_begin('i s', 'lua', 'k', 'h', 'r6', 5000)), 'replay',
    'who asks while another one does is given the answer, too');
select set_config('core.clock_offset', '2 days', true);
select job_expire('{}');
select is_empty('select 1 from core.key_leases', 'nor, after a day, its row');

select * from finish();
rollback;

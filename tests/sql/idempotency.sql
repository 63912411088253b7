-- Idempotency keys: claimed, replayed, refused, never doubled.
begin;
select plan(13);

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

select * from finish();
rollback;

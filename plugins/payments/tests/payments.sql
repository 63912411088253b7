-- The rules of money that the database itself keeps: the ledger balances and is
-- never changed, intents and refunds move as they may and not otherwise, what a
-- gateway tells is applied once.
begin;
set local client_min_messages = warning;
create schema test_payments;
select set_config('search_path', 'test_payments, ' || current_setting('search_path'), true);
set local check_function_bodies = off;
\ir ../migrations/0001_ledger.sql
\ir ../migrations/0002_payments.sql
\ir ../migrations/0003_reconciliations.sql
\ir ../migrations/0004_transitions_stay.sql
\ir ../migrations/0006_one_snapshot.sql
\ir ../migrations/0007_filed.sql
\ir ../migrations/0008_first_day.sql
\ir ../migrations/0009_left_to_people.sql
\ir ../migrations/0010_by_hand.sql
\ir ../migrations/0011_settled_by.sql
\ir ../migrations/0012_language_of_intents.sql
\ir ../migrations/0013_reasons_in_english.sql
\ir ../sql/intent_document.sql
\ir ../sql/refund_document.sql
\ir ../sql/intent_create.sql
\ir ../sql/intent_pending.sql
\ir ../sql/intent_expire.sql
\ir ../sql/intents_due.sql
\ir ../sql/payment_apply.sql
\ir ../sql/refund_request.sql
\ir ../sql/refunds_due.sql
\ir ../sql/refund_finish.sql
\ir ../sql/payments_refunds.sql
\ir ../sql/receipt_of_file.sql
\ir ../sql/reconciliation_document.sql
\ir ../sql/reconcile.sql
\ir ../sql/statement_rows.sql
\ir ../sql/statement_payment.sql
\ir ../sql/intent_read.sql
\ir ../sql/intent_of_number.sql
\ir ../sql/days_to_reconcile.sql
\ir ../sql/ledger_check.sql
\ir ../sql/payments_ledger.sql
\ir ../sql/payments_reconciliations.sql

select no_plan();

create function pg_temp.id(n int) returns uuid language sql immutable as
    $$ select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
create function pg_temp.number(n int) returns text language sql immutable as
    $$ select 'HN' || lpad(n::text, 16, '0') $$;

-- An intent of 100,000 đồng in a state.
create function pg_temp.intent(n int, state text) returns uuid language plpgsql as $$
begin
    perform intent_create(pg_temp.id(n), pg_temp.number(n), 'i p' || n, 'parking', 'hold-' || n,
                          'momo', 100000, 'Gửi xe', case state when 'expired' then 0 else 900 end, 60);
    if state = 'pending' then
        perform intent_pending(pg_temp.id(n), '{"url": "https://pay.example"}');
    elsif state = 'succeeded' then
        perform payment_apply('momo', pg_temp.number(n), 'paid', 'callback', 100000, 'T' || n);
    elsif state = 'failed' then
        perform payment_apply('momo', pg_temp.number(n), 'failed', 'callback');
    elsif state = 'expired' then
        perform intent_expire(pg_temp.id(n));
    end if;
    return pg_temp.id(n);
end $$;
create function pg_temp.state(n int) returns text language sql as
    $$ select state from intents where id = pg_temp.id(n) $$;
create function pg_temp.balance(of text) returns bigint language sql as
    $$ select coalesce(sum(amount), 0)::bigint from ledger_lines where account = of $$;
-- Constraints that are kept at the end of a transaction, now.
create function pg_temp.at_commit(change text) returns void language plpgsql as $$
begin
    execute change;
    set constraints all immediate;
    set constraints all deferred;
end $$;


-- The ledger

select lives_ok($$ select pg_temp.at_commit($q$
    select ledger_book('received', pg_temp.id(1), 500, 'gateway:test', 'payee:test') $q$) $$,
    'an entry of two lines that add up to nought');
select throws_ok($$ select pg_temp.at_commit($q$
    insert into ledger_entries (kind, subject) values ('received', pg_temp.id(2)) $q$) $$,
    '23514', null, 'an entry without lines is refused');
select throws_ok($$ select pg_temp.at_commit($q$
    with e as (insert into ledger_entries (kind, subject) values ('received', pg_temp.id(2)) returning id)
    select * from e; insert into ledger_lines
    select max(id), 'gateway:test', 5 from ledger_entries $q$) $$,
    '23514', null, 'one of a single line, too');
select throws_ok($$ select pg_temp.at_commit($q$
    insert into ledger_entries (kind, subject) values ('received', pg_temp.id(2));
    insert into ledger_lines select max(e.id), a.code, a.amount from ledger_entries e,
      (values ('gateway:test', 5), ('payee:test', -4)) a (code, amount) group by 2, 3 $q$) $$,
    '23514', null, 'one whose lines do not add up to nought, too');
select throws_ok($$ select pg_temp.at_commit($q$
    insert into ledger_accounts values ('refunding:test');
    insert into ledger_lines select max(id), 'refunding:test', 5 from ledger_entries $q$) $$,
    '23514', null, 'nor may a line come to one that balances');
select throws_ok($$ select ledger_book('received', pg_temp.id(1), 500, 'gateway:test', 'payee:test') $$,
    '23505', null, 'nothing is booked twice');
select throws_ok($$ select ledger_book('gift', pg_temp.id(3), 500, 'gateway:test', 'payee:test') $$,
    '23514', null, 'kinds of entries are known');
select throws_ok($$ select ledger_book('received', pg_temp.id(3), 500, 'mine', 'payee:test') $$,
    '23514', null, 'so are those of accounts');
select throws_ok($$ select ledger_book('received', pg_temp.id(3), 0, 'gateway:test', 'payee:test') $$,
    '23514', null, 'nothing is no amount');

select throws_ok(format('%s', change), '23000', null, change || ' is refused')
  from unnest(array[
    'update ledger_lines set amount = -amount', 'delete from ledger_lines',
    'update ledger_lines set amount = 1 where false',
    'truncate ledger_lines', 'update ledger_entries set made_at = now()', 'delete from ledger_entries',
    'truncate ledger_entries, ledger_lines', 'update ledger_accounts set code = code',
    'delete from ledger_accounts', 'truncate ledger_accounts, ledger_lines']) change;


-- Intents

select is(intent_create(pg_temp.id(10), pg_temp.number(10), 'i p', 'bills', 'b-1', 'momo', 70000, 'Tiền điện', 900, 60)
          ->> 'state', 'created', 'an intent begins as created');
select is(intent_create(pg_temp.id(11), pg_temp.number(11), 'i p', 'bills', 'b-1', 'momo', 70000, 'x', 900, 60)
          ->> 'id', pg_temp.id(10)::text, 'the same reference is the same intent');
select throws_ok($$ select intent_create(pg_temp.id(11), pg_temp.number(11), 'i p', 'bills', 'b-1', 'momo', 70001, 'x', 900, 60) $$,
    'IH001', 'payment-reference-used', 'with another amount it is refused');
select throws_ok($$ select intent_create(pg_temp.id(11), pg_temp.number(11), 'i q', 'bills', 'b-1', 'momo', 70000, 'x', 900, 60) $$,
    'IH001', 'payment-reference-used', 'so it is with another payer');
select throws_ok($$ select intent_create(pg_temp.id(12), pg_temp.number(12), 'i p', 'bills', 'b-2', 'momo', $$ || amount || $$, 'x', 900, 60) $$,
    '23514', null, 'an amount of ' || amount || ' is none')
  from unnest(array['0', '-1', '1000000000001']) amount;
select is(intent_pending(pg_temp.id(10), '{"url": "https://pay.example"}') #>> '{checkout,url}',
    'https://pay.example', 'with a checkout it is pending');

-- Each way from each state to each other.
create temporary table ways as
    select a.state as old, b.state as new
      from unnest(array['created', 'pending', 'succeeded', 'failed', 'expired', 'partly_refunded', 'refunded']) a (state),
           unnest(array['created', 'pending', 'succeeded', 'failed', 'expired', 'partly_refunded', 'refunded']) b (state)
     where a.state <> b.state;
create function pg_temp.way(old text, new text) returns text language plpgsql as $$
declare
    at     uuid;
    n      int := 1000 + (select count(*) from intents);
    said   text := 'done';
begin
    at := pg_temp.intent(n, case when old in ('partly_refunded', 'refunded') then 'succeeded' else old end);
    if old in ('partly_refunded', 'refunded') then
        perform refund_request(at, case old when 'refunded' then 100000 else 1 end, 'x', 'k', 'i');
        perform refund_finish(f.id, 'done') from refunds_due(10, 60) f;
    end if;
    begin
        perform pg_temp.at_commit(format('update intents set state = %L, checkout = ''{}'' where id = %L', new, at));
    exception when check_violation then
        said := 'refused';
    end;
    return said;
end $$;
-- Those that need more than a word (a receipt, a refund) are refused here too.
select is(pg_temp.way(old, new),
          case when old in ('created', 'pending') and new in ('failed', 'expired')
                 or old = 'created' and new = 'pending' then 'done' else 'refused' end,
          old || ' to ' || new)
  from ways;

select throws_ok($$ update intents set $$ || change || $$ where id = pg_temp.id(10) $$, '23514', null, change || ' is refused')
  from unnest(array['amount = 1', 'payer = ''me''', 'number = ''HN00000000000000FF''', 'service = ''mine''',
                    'reference = ''mine''', 'gateway = ''mine''', 'expires_at = now()',
                    'refunded = 1', 'refunded = -1']) change;
select throws_ok('delete from intents where false', '23000', null, 'no intent is deleted');
select throws_ok($$ insert into intents (id, number, payer, service, reference, gateway, amount, description, expires_at, check_at, state)
    values (pg_temp.id(13), pg_temp.number(13), 'i', 'bills', 'b-3', 'momo', 5, '', now(), now(), 'failed') $$,
    '23514', null, 'nor born in another state');


-- What a gateway tells

select pg_temp.intent(20, 'pending');
select is((select verdict from payment_apply('momo', pg_temp.number(20), 'pending', 'query')), 'pending', 'nothing yet');
select is((select verdict from payment_apply('momo', pg_temp.number(20), 'paid', 'callback', 100000, 'T20')), 'applied', 'paid');
select is(pg_temp.state(20), 'succeeded', 'it has succeeded');
select is((select verdict from payment_apply('momo', pg_temp.number(20), 'paid', 'callback', 100000, 'T20')), 'repeated', 'the same again');
select is((select verdict from payment_apply('momo', pg_temp.number(20), 'paid', 'query', 100000, 'T20')), 'repeated', 'by another way');
select is((select verdict from payment_apply('momo', pg_temp.number(20), 'failed', 'callback')), 'repeated', 'a failure after it');
select is(pg_temp.state(20), 'succeeded', 'changes nothing');
select is(pg_temp.balance('payee:parking') + 100000 * (select count(*)::int from receipts where verdict = 'applied')
          - (select sum(promised) from receipts where verdict = 'applied'), 0::numeric, 'and each was booked once');
select is((select verdict from payment_apply('momo', pg_temp.number(20), 'paid', 'callback', 100000, 'T20b')), 'twice', 'paid by another transaction');
select is((select array_agg(f.amount || f.state || f.reason || '/' || f.reason_en) from refunds f where intent = pg_temp.id(20)),
    array['100000requestedThanh toán hai lần/Paid twice'], 'goes back, and the payer reads why');
select is(pg_temp.state(20), 'succeeded', 'and the intent is paid');
select is((select verdict from payment_apply('momo', pg_temp.number(99), 'paid', 'callback', 5, 'T99')), 'unknown', 'nobody''s number');
select is((select verdict from payment_apply('vnpay', pg_temp.number(20), 'paid', 'callback', 5, 'T99')), 'unknown', 'another gateway''s number');

select pg_temp.intent(26, 'pending');
select is((select verdict from payment_apply('momo', pg_temp.number(26), 'paid', 'callback', 100000, 'T20')), 'elsewhere',
    'a transaction that has paid for something else');
select is(pg_temp.state(26), 'pending', '... pays nothing here');

select pg_temp.intent(21, 'created');
select is((select verdict from payment_apply('momo', pg_temp.number(21), 'paid', 'callback', 100000, 'T21')), 'applied', 'told before our own answer came');
select is(intent_pending(pg_temp.id(21), '{"url": "x"}') ->> 'state', 'succeeded', 'which then changes nothing');

select pg_temp.intent(22, 'failed');
select is((select verdict from payment_apply('momo', pg_temp.number(22), 'paid', 'callback', 100000, 'T22')), 'late', 'paid after it failed');
select pg_temp.intent(23, 'expired');
select is(pg_temp.state(23), 'expired', 'time is over');
select is((select verdict from payment_apply('momo', pg_temp.number(23), 'paid', 'callback', 100000, 'T23')), 'late', 'paid after it expired');
select is(pg_temp.state(22) || pg_temp.state(23), 'failedexpired', 'what services were told stays true');
select is((select sum(amount) from refunds where intent in (pg_temp.id(22), pg_temp.id(23))), 200000::numeric, 'and the money goes back');

select pg_temp.intent(24, 'pending');
select is((select verdict from payment_apply('momo', pg_temp.number(24), 'paid', 'callback', 99999, 'T24')), 'amount', 'another amount');
select is(pg_temp.state(24), 'pending', 'does not pay');
select is((select verdict from payment_apply('momo', pg_temp.number(24), 'paid', 'callback', 100000, 'T24b')), 'applied', 'the right one does');
select is(intent_expire(pg_temp.id(24)), false, 'what is paid does not expire');
select pg_temp.intent(25, 'pending');
select is(intent_expire(pg_temp.id(25)), false, 'nor what still has time');

select throws_ok($$ insert into receipts (intent, gateway, transaction, amount, verdict, via, paid_at)
    values (pg_temp.id(20), 'momo', 'T77', 100000, 'applied', 'query', now()) $$, '23505', null, 'an intent is paid by one receipt');
select throws_ok($$ select pg_temp.at_commit($q$ insert into receipts (intent, gateway, transaction, amount, verdict, via, paid_at)
    values (pg_temp.id(25), 'momo', 'T78', 100000, 'applied', 'query', now()) $q$) $$, '23514', null, 'and says so');
select throws_ok($$ update receipts set $$ || change, '23000', null, change || ' is refused')
  from unnest(array['amount = 1', 'verdict = ''late''', 'transaction = ''x''']) change;
select throws_ok('delete from receipts', '23000', null, 'no receipt is deleted');
set constraints all immediate;
set constraints all deferred;
select throws_ok('truncate receipts cascade', '23000', null, 'or truncated');
select throws_ok($$ select pg_temp.at_commit('update receipts set promised = 5 where transaction = ''T24b''') $$, '23514', null,
    'nothing is promised without a refund');


-- Refunds

select pg_temp.intent(30, 'succeeded');
select throws_ok($$ select refund_request(pg_temp.id(25), 1, 'x', 'k', 'i') $$, 'IH001', 'payment-not-paid', 'what is not paid is not refunded');
select is(refund_request(pg_temp.id(98), 1, 'x', 'k', 'i'), null, 'nor what is not there');
select is(refund_request(pg_temp.id(30), 1, 'x', 'k', 'i', 'bus'), null, 'nor what is another service''s');
select is(intent_read(pg_temp.id(30), 'i p30') ->> 'state', 'succeeded', 'a payer reads it');
select is(intent_read(pg_temp.id(30), 'i p31'), null, 'nobody else does');
select is(intent_read(pg_temp.id(30), null, 'bus'), null, 'nor another service');
select is((refund_request(pg_temp.id(30), 60000, 'một phần', 'a', 'i') ->> 'amount')::int, 60000, 'a part');
select is(pg_temp.state(30), 'succeeded', 'is not refunded until it is');
select is(refund_request(pg_temp.id(30), 60000, 'x', 'a', 'i') ->> 'id',
    (select id::text from refunds where key = 'a' and intent = pg_temp.id(30)), 'the same key is the same refund');
select throws_ok($$ select refund_request(pg_temp.id(30), 50000, 'x', 'a', 'i') $$, 'IH001', 'payment-refund-key-used', 'another amount is not');
select throws_ok($$ select refund_request(pg_temp.id(30), 40001, 'x', 'b', 'i') $$, 'IH001', 'payment-refund-exceeds', 'no more than was paid');
select throws_ok($$ insert into refunds (receipt, intent, amount, reason, key, requested_by)
    select receipt, id, 40001, 'x', 'c', 'i' from intents where id = pg_temp.id(30) $$, '23514', null, 'whoever asks');
select is((refund_request(pg_temp.id(30), null, 'phần còn lại', 'd', 'i') ->> 'amount')::int, 40000, 'the rest');
select throws_ok($$ select refund_request(pg_temp.id(30), null, 'x', 'e', 'i') $$, 'IH001', 'payment-refund-exceeds', 'then nothing is left');

select is((select array_agg(attempt order by amount) from refunds_due(100, 60) where intent_number = pg_temp.number(30)), array[1, 1], 'both are sent');
select is((select count(*)::int from refunds_due(100, 60)), 0, 'by one caller');
select is(refund_finish((select id from refunds where key = 'a' and intent = pg_temp.id(30)), 'done', 'R1') ->> 'state', 'done', 'the part is paid');
select is(pg_temp.state(30), 'partly_refunded', 'the intent says so');
select is(refund_finish((select id from refunds where key = 'a' and intent = pg_temp.id(30)), 'refused') ->> 'state', 'done', 'what comes after the end changes nothing');
select is(refund_finish((select id from refunds where key = 'd' and intent = pg_temp.id(30)), 'refused', null, 'no') ->> 'state', 'refused', 'the rest is refused');
select is((refund_request(pg_temp.id(30), null, 'lần nữa', 'f', 'i') ->> 'amount')::int, 40000, 'and may be asked for again');
select is((select attempt from refunds_due(100, 60)), 1, 'sent');
select is(refund_finish((select id from refunds where key = 'f'), 'unsent') ->> 'state', 'sent', 'it never left');
update refunds set due_at = now() where key = 'f';
select is((select attempt from refunds_due(100, 60)), 1, 'so it is sent as the first time');
select refund_finish((select id from refunds where key = 'f'), 'unclear', null, 'timeout');
update refunds set due_at = now() where key = 'f';
select is((select attempt from refunds_due(100, 60)), 2, 'after an unclear end it is asked about');
select refund_finish((select id from refunds where key = 'f'), 'done', 'R2');
select is(pg_temp.state(30), 'refunded', 'all is refunded');

-- What came for nothing, and was refused on its way back, is asked for again.
select pg_temp.intent(31, 'succeeded');
select pg_temp.intent(32, 'expired');
select payment_apply('momo', pg_temp.number(n), 'paid', 'file', 100000, 'T' || n || 'b') from unnest(array[31, 32]) n;
select throws_ok($$ select refund_request(pg_temp.id(32), null, 'x', 'g', 'i') $$, 'IH001', 'payment-not-paid',
    'what is on its way back is not asked for');
select refund_finish(f.id, 'refused', null, 'account closed') from refunds_due(100, 60) f;
create function pg_temp.for_people(gateway text default null, after text default null, size int default 50)
returns table (number text, state text, "left" text, transaction text, next text) language sql as $$
    select x ->> 'payment_number', x ->> 'state', x #>> '{received,left}', x #>> '{received,transaction}',
           p.body ->> 'next'
      from payments_refunds('{}', gateway, after, size) p
      left join lateral json_array_elements(p.body -> 'items') with ordinality i (x, n) on true
     order by i.n $$;
select set_eq($$ select number, state, "left", transaction from pg_temp.for_people() $$,
    $$ values (pg_temp.number(31), 'refused', '100000', 'T31b'), (pg_temp.number(32), 'refused', '100000', 'T32b') $$,
    'people see it, and where it came from; not what a service was refused');
select is(refund_request(pg_temp.id(32), null, 'chuyển khoản', 'g', 'i') ->> 'amount', '100000', 'late money that is still here may go back');
select refund_request(pg_temp.id(31), null, 'x', 'h', 'i');
select throws_ok($$ select refund_request(pg_temp.id(31), null, 'x', 'i', 'i', 'parking') $$, 'IH001', 'payment-refund-exceeds',
    'a service has nothing given back but what was applied');
select refund_request(pg_temp.id(31), null, 'x', 'j', 'i');
select is((select string_agg(r.verdict, ' ' order by f.key) from receipts r join refunds f on f.receipt = r.id
            where r.intent = pg_temp.id(31) and f.key in ('h', 'j')), 'applied twice', 'after what was applied, also what came twice');
select throws_ok($$ select refund_request(pg_temp.id(31), null, 'x', 'l', 'i') $$, 'IH001', 'payment-refund-exceeds', 'then nothing is left');
select is((select count(number)::int from pg_temp.for_people()), 0, '... nor to be seen, while it is on its way');
select refund_finish(f.id, 'done') from refunds_due(100, 60) f;
select is((select string_agg(state || ' ' || refunded, ', ' order by number) from intents where id in (pg_temp.id(31), pg_temp.id(32))),
    'refunded 100000, expired 0', 'an intent has what was applied to it');

-- What no gateway will tell of is due no more, and people see it, until it is settled.
select pg_temp.intent(33, 'succeeded');
select refund_request(pg_temp.id(33), amount, 'x', 'm' || amount, 'i') from unnest(array[1, 2, 3]) amount;
select is((select count(number)::int from pg_temp.for_people()), 0, 'what is to be sent is no business of people');
select refund_finish(f.id, case f.amount when 3 then 'unclear' else 'left' end, null, 'by hand') from refunds_due(100, 60) f;
select is((select count(*)::int from refunds where intent = pg_temp.id(33) and due_at <= now() + interval '1 day'), 1,
    'what is left to people is not looked at again');
select is((select array_agg(concat_ws(' ', number, state, "left")) from pg_temp.for_people()),
    array_fill(pg_temp.number(33) || ' sent 99994', array[2]), 'but by them');
select is((select count(number)::int from pg_temp.for_people('vietqr')), 0, 'of each gateway');
select is((select array[count(a.number), count(b.number), count(b.next)]::int[]
             from pg_temp.for_people(size => 1) a, pg_temp.for_people(after => a.next, size => 1) b),
    array[1, 1, 0], 'page by page');
select refund_finish(f.id, 'done') from refunds f where f.intent = pg_temp.id(33);
select is((select count(number)::int from pg_temp.for_people()), 0, 'until they say what became of it');

-- Money that came twice goes back when it is named, and what a gateway has refused for good
-- by other means than the gateway, of which its file never tells.
select pg_temp.intent(34, 'succeeded');
select payment_apply('momo', pg_temp.number(34), 'paid', 'callback', 100000, 'T34b');
select refund_finish(f.id, 'refused', null, 'wallet closed') from refunds_due(100, 60) f;
select throws_ok($$ select refund_request(pg_temp.id(34), null, 'x', 'n', 'i', transaction => 'T33') $$, 'IH001', 'payment-not-paid',
    'money of another payment is not named');
select refund_request(pg_temp.id(34), 30000, 'x', 'n', 'i', transaction => 'T34b');
select is((select r.transaction from refunds f join receipts r on r.id = f.receipt where f.intent = pg_temp.id(34) and f.key = 'n'),
    'T34b', 'what came twice goes back before what was applied');
select is(refund_request(pg_temp.id(34), 30000, 'x', 'n', 'i', transaction => 'T34b') ->> 'id',
    (select id::text from refunds where intent = pg_temp.id(34) and key = 'n'), '... once');
select throws_ok($$ select refund_request(pg_temp.id(34), 30000, 'x', 'n', 'i', transaction => 'T34') $$, 'IH001', 'payment-refund-key-used',
    '... and with its key no other money does');
select throws_ok($$ select refund_request(pg_temp.id(34), 70001, 'x', 'o', 'i', transaction => 'T34b') $$, 'IH001', 'payment-refund-exceeds',
    '... no more than is left of it');
select refund_finish(f.id, 'refused', null, 'wallet closed') from refunds_due(100, 60) f;
select is(refund_request(pg_temp.id(34), null, 'chuyển khoản', 'o', 'i', transaction => 'T34b', by_hand => true) ->> 'state', 'sent',
    'a refund by hand is not the gateway''s');
select throws_ok($$ select refund_request(pg_temp.id(34), null, 'x', 'o', 'i', transaction => 'T34b') $$, 'IH001', 'payment-refund-key-used',
    '... which does not make it under the same key');
select is((select count(*)::int from refunds_due(100, 60)), 0, '... nor is it sent');
select is((select array_agg(concat_ws(' ', number, state, "left")) from pg_temp.for_people()),
    array[pg_temp.number(34) || ' sent 0'], '... but people see it');
select pg_temp.balance('gateway:momo') as held \gset
select is(refund_finish(f.id, 'done', 'UNC 12') ->> 'by_hand', 'true', '... and say that it is done')
  from refunds f where f.intent = pg_temp.id(34) and f.key = 'o';
select is(array[pg_temp.balance('gateway:momo') - :held, pg_temp.balance('hand:momo')], array[0, -100000]::bigint[],
    'what the gateway has is there still, what went back is the city''s');
select is(pg_temp.state(34), 'succeeded', '... and what was applied is paid');
select throws_ok($$ update refunds set by_hand = false where intent = pg_temp.id(34) $$, '23514', null, '... by whom stays so');

select throws_ok($$ update refunds set $$ || change || $$ where key = 'f' $$, '23514', null, change || ' is refused')
  from unnest(array['amount = 1', 'state = ''sent''', 'state = ''refused''', 'number = ''x''', 'key = ''x''', 'reason_en = ''x''']) change;
select throws_ok('delete from refunds', '23000', null, 'no refund is deleted');
select throws_ok($$ insert into refunds (receipt, intent, amount, reason, key, requested_by)
    select receipt, pg_temp.id(24), 1, 'x', 'z', 'i' from intents where id = pg_temp.id(20) $$, '23514', null,
    'a refund is of its own intent');


-- Looking after intents

update intents set check_at = now() - interval '1 s' where id in (pg_temp.id(25), pg_temp.id(20));
select is((select array_agg(number) from intents_due(10, 60)), array[pg_temp.number(25)], 'what is pending is looked at');
select is((select count(*)::int from intents_due(10, 60)), 0, 'once');
select is((select count(*)::int from intents_due(10, 60, pg_temp.id(25))), 1, 'or when somebody asks');
select ok((select check_at <= expires_at + interval '60 s' from intents where id = pg_temp.id(25)), 'and soon after it expires');


-- Reconciliation

select pg_temp.intent(40 + n, case n when 1 then 'pending' else 'succeeded' end) from generate_series(0, 4) n;
select refund_request(pg_temp.id(43), 100000, 'x', 'k', 'i');
select count(*) from refunds_due(100, 60);
create function pg_temp.file(variadic lines text[]) returns text language sql as $$
    select array_to_string(array['kind,number,transaction,amount,at'] || lines
        || array[format('end,%s,%s', cardinality(lines),
                        (select coalesce(sum(split_part(l, ',', 4)::bigint), 0) from unnest(lines) l))], E'\n') $$;
create function pg_temp.line(kind text, number text, transaction text, amount int) returns text language sql as $$
    select concat_ws(',', kind, number, transaction, amount,
                     to_char(now() at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD"T"HH24:MI:SS"+07:00"')) $$;
create temporary table report as select reconcile('momo', (now() at time zone 'Asia/Ho_Chi_Minh')::date, pg_temp.file(
    pg_temp.line('payment', pg_temp.number(40), 'T40', 100000),
    pg_temp.line('payment', 'chuyen tien ' || lower(pg_temp.number(41)) || ' gui xe', 'T41', 100000),
    pg_temp.line('payment', pg_temp.number(42), 'T42', 99000),
    pg_temp.line('payment', pg_temp.number(43), 'T43', 100000),
    pg_temp.line('payment', pg_temp.number(77), 'T77', 100000),
    pg_temp.line('payment', pg_temp.number(26), 'T44', 100000),
    pg_temp.line('refund', (select number from refunds where intent = pg_temp.id(43)), 'R43', 100000),
    pg_temp.line('refund', 'HR00000000000000FF', 'R9', 5))) as r;
select is((select jsonb_agg(d -> 'became') from report, jsonb_array_elements(r -> 'differences') d where d ->> 'kind' = 'payment-missing-here'),
    '["applied", "unknown"]', 'what only the file knows is said, and applied');
select is(pg_temp.state(41), 'succeeded', 'so it is paid');
select is((select d ->> 'here' from report, jsonb_array_elements(r -> 'differences') d where d ->> 'kind' = 'payment-amount'), '100000', 'amounts that differ');
select is((select d ->> 'transaction' from report, jsonb_array_elements(r -> 'differences') d where d ->> 'kind' = 'payment-elsewhere'
              and d ->> 'number' = pg_temp.number(26)), 'T44', 'a payment that is booked for another number');
select ok((select array_agg(d ->> 'transaction') @> array['T21'] from report, jsonb_array_elements(r -> 'differences') d where d ->> 'kind' = 'payment-missing-there'),
    'what only we know');
select is((select count(*)::int from report, jsonb_array_elements(r -> 'differences') d where d ->> 'kind' = 'refund-missing-here'), 1, 'a refund that only the file knows');
select is(pg_temp.state(43), 'refunded', 'a refund that was unclear is settled');
select is((select count(*)::int from report, jsonb_array_elements(r -> 'differences') d, refunds f where f.by_hand and d ->> 'number' = f.number), 0,
    'a refund by hand is missing in no file');
select is((select (r #>> '{here,refunds}')::int from report), (select count(*)::int from refunds where state = 'done' and not by_hand) - 1,
    '... nor counted, as one that the file has just settled');

-- A refund whose answer was lost is settled on the next morning, by the file of its day.
select pg_temp.intent(45, 'succeeded');
select refund_request(pg_temp.id(45), 100000, 'x', 'k', 'i');
select count(*) from refunds_due(100, 60);
create function pg_temp.refund_told(day int, variadic transactions text[]) returns text language sql as $$
    select string_agg(d ->> 'kind' || coalesce(' ' || (d ->> 'transaction'), ''), ', ')
      from (select (now() at time zone 'Asia/Ho_Chi_Minh')::date - refund_told.day as date) w,
           (select number from refunds where intent = pg_temp.id(45)) f,
           jsonb_array_elements(reconcile('momo', w.date, pg_temp.file(variadic array(
               select concat_ws(',', 'refund', f.number, t, 100000, w.date || 'T10:15:00+07:00')
                 from unnest(transactions) t))) -> 'differences') d
     where d ->> 'number' = f.number $$;
select is(pg_temp.refund_told(1, 'R45'), null, 'a refund that yesterday''s file knows');
select is(pg_temp.state(45), 'refunded', '... is done');
select is(pg_temp.refund_told(0, variadic '{}'), null, '... and is not looked for in the file of today');
select is(pg_temp.refund_told(0, 'R45b'), null, 'a gateway may know it by another number');
select is(pg_temp.refund_told(1, 'R44', 'R45'), 'refund-twice R44', 'money that went back twice is told');

-- More than is ever paid, with the number of a payment: told, and the rest of the day is booked.
select pg_temp.intent(n, 'pending') from unnest(array[47, 48]) n;
create function pg_temp.huge() returns text language sql as $$
    select pg_temp.file('payment,' || pg_temp.number(47) || ',T47,1000000000001,2001-01-05T10:15:00+07:00',
                        'payment,' || pg_temp.number(48) || ',T48,100000,2001-01-05T10:15:00+07:00') $$;
select is((select array_agg(concat_ws(' ', d ->> 'transaction', d ->> 'there', d ->> 'became') order by d ->> 'transaction')
             from jsonb_array_elements(reconcile('momo', '2001-01-05', pg_temp.huge()) -> 'differences') d),
    array['T47 1000000000001 unknown', 'T48 100000 applied'], 'an amount that nothing can be booked of');
select is(pg_temp.state(47) || ' ' || pg_temp.state(48), 'pending succeeded', '... pays nothing');
select is((select transaction from statement_payment('momo', pg_temp.huge(), pg_temp.number(47))), null, '... when a bank is asked, too');
delete from reconciliations where day = '2001-01-05';

-- Before midnight there, after it here: of the file of yesterday, and of today for us.
select pg_temp.intent(46, 'succeeded');
select refund_request(pg_temp.id(46), 100000, 'x', 'k', 'i');
select refund_finish(f.id, 'done', 'R46') from refunds_due(100, 60) f where f.intent_number = pg_temp.number(46);
create function pg_temp.differs(day int, variadic lines text[]) returns text language sql as $$
    select string_agg(d ->> 'kind', ' ' order by d ->> 'kind')
      from jsonb_array_elements(reconcile('momo', (now() at time zone 'Asia/Ho_Chi_Minh')::date - day,
                                          pg_temp.file(variadic lines)) -> 'differences') d
     where d ->> 'transaction' in ('T46', 'R46') $$;
select is(pg_temp.differs(0, variadic '{}'), 'payment-missing-there refund-missing-there', 'what no file has');
create function pg_temp.reported(day int) returns text language sql as $$
    select concat_ws(' ', string_agg(d ->> 'kind', ' ' order by d ->> 'kind'), r ->> 'agrees')
      from payments_reconciliations('{}', 'momo', null, null, 100) p, json_array_elements(p.body -> 'items') r
      left join lateral json_array_elements(r -> 'differences') d on (d ->> 'transaction' in ('T46', 'R46')) is true
     where (r ->> 'day')::date = (now() at time zone 'Asia/Ho_Chi_Minh')::date - reported.day
     group by r ->> 'agrees' $$;
delete from reconciliations where day = (now() at time zone 'Asia/Ho_Chi_Minh')::date;
select pg_temp.differs(0, variadic '{}');
select is(pg_temp.reported(0), 'payment-missing-there refund-missing-there false', '... is reported');
select is(pg_temp.differs(1, pg_temp.line('payment', pg_temp.number(46), 'T46', 100000),
                             pg_temp.line('refund', (select number from refunds where intent = pg_temp.id(46)), 'R46', 100000)),
    null, 'what the file of the day before has');
select is(pg_temp.reported(0), 'false', '... which came late: it is missing in the report of this one no more');
select is(pg_temp.differs(0, variadic '{}'), null, '... is not missing on this one');
select is(pg_temp.differs(1, variadic '{}'), null, 'that file is made anew, and has it no more');
select is(pg_temp.reported(0), 'payment-missing-there refund-missing-there false', '... so it is missing');
select is(pg_temp.differs(0, variadic '{}'), 'payment-missing-there refund-missing-there', '... then as before');
insert into reconciliations (gateway, day, there, here, differences)
    select 'momo', (now() at time zone 'Asia/Ho_Chi_Minh')::date - n, '{}', '{}',
           jsonb_build_array(jsonb_build_object('kind', kind, 'transaction', 'T46'))
      from (values (40, 'payment-missing-there'), (41, 'payment-amount')) v (n, kind);
insert into filed values ('momo', 'payment', 'T46', '2001-01-01');
select is(pg_temp.reported(40) || ', ' || pg_temp.reported(41), 'true, payment-amount false',
    'a day of which nothing else differs agrees; what differs otherwise still does');
delete from reconciliations where there = '{}';

select throws_ok(format('select statement_rows(%L)', file), 'IH001', 'payment-file-invalid', what || ' is no file')
  from (values ('', 'nothing'), ('<html>busy</html>', 'something else'),
               ('kind,number,transaction,amount,at', 'one without an end'),
               (left(pg_temp.file(pg_temp.line('payment', 'x', 'y', 5)), -3), 'one cut off in its end'),
               (pg_temp.file(pg_temp.line('payment', 'x', 'y', 5)) || '0', 'one with another sum'),
               (replace(pg_temp.file(pg_temp.line('payment', 'x', 'y', 5)), 'payment', 'gift'), 'one with another kind'),
               (replace(pg_temp.file(pg_temp.line('payment', 'x', 'y', 5)), ',5,', ',-5,'), 'one with less than nothing'),
               (pg_temp.file('payment,x,y,5,2026-02-30T10:15:00+07:00'), 'one with a day that never is'),
               (pg_temp.file('payment,x,y,5,2026-02-28T24:15:00+07:00'), 'one with a time that never is'),
               (pg_temp.file(pg_temp.line('payment', 'x', 'y', 5), pg_temp.line('payment', 'z', 'y', 5)), 'one with a transaction twice'))
       f (file, what);
-- As much as is fetched, 4 MiB: all of it has to be done within a call's time, five seconds.
\ir ../../../tests/sql/lib/cpu.psql
create function pg_temp.in_time(what text, seconds numeric default 5) returns text language sql as
    $$ select cmp_ok(pg_temp.cpu_spent(), '<', seconds, what || ' within a call''s time') $$;
select from pg_temp.cpu_spent();
select is((select jsonb_array_length(statement_rows(pg_temp.file(variadic array_agg(
               pg_temp.line('payment', 'chuyen khoan ' || pg_temp.number(n) || ' qua QR', 'T' || n, 5000)))))
             from generate_series(1, 40000) n), 40000, 'a large file');
select pg_temp.in_time('... is read', 2.5);
select is((select reconcile('vietqr', '2001-01-02', pg_temp.file(variadic array_agg(
               pg_temp.line('payment', 'an trua', 'T' || n, 5000)))) ->> 'differ'
             from generate_series(1, 40000) n), '40000', '... also when nobody knows what it is about');
select pg_temp.in_time('... is told');
select is((select array[r ->> 'differ', json_array_length(r -> 'differences')::text, r #>> '{differences,0,transaction}']
             from payments_reconciliations('{}', 'vietqr', null, null, 1) p, json_array_elements(p.body -> 'items') r),
    array['40000', '5000', 'T1'], '... and the first of it to be read');
insert into reconciliations (gateway, day, there, here, differences)
    select r.gateway, r.day + n, r.there, r.here, case n when 1 then '[]' else r.differences end
      from reconciliations r, generate_series(1, 3) n where r.gateway = 'vietqr' and r.day = '2001-01-02';
select is((select array_agg(concat_ws(' ', p.n, r ->> 'day', json_array_length(r -> 'differences')) order by p.n, r ->> 'day' desc)
             from (with recursive pages (n, body) as (
                       select 1, p.body from payments_reconciliations('{}', 'vietqr', null, null, 100) p
                        union all
                       select s.n + 1, p.body
                         from pages s, payments_reconciliations('{}', 'vietqr', null, s.body ->> 'next', 100) p
                        where s.body ->> 'next' is not null)
                   select * from pages) p, json_array_elements(p.body -> 'items') r),
    array['1 2001-01-05 5000', '2 2001-01-04 5000', '2 2001-01-03 0', '3 2001-01-02 5000'], '... a page has no more of it');
select pg_temp.in_time('... is listed');
delete from reconciliations where gateway = 'vietqr';
-- Who knows nothing of a day's payments books them in parts, and tells them all.
insert into intents (id, number, payer, service, reference, gateway, amount, description, expires_at, check_at)
    select pg_temp.id(100000 + n), pg_temp.number(100000 + n), 'i p', 'bus', 'file-' || n, 'vietqr', 5, 'x', now(), now()
      from generate_series(1, 4001) n;
create temporary table large as
    select pg_temp.file(variadic array_agg(pg_temp.line('payment', pg_temp.number(100000 + n), 'F' || n, 5))) as file
      from generate_series(1, 4001) n;
select is((select array_agg(reconcile('vietqr', '2001-01-03', l.file) is null order by n) from large l, generate_series(1, 2) n),
    array[true, true], 'a part after the other');
select pg_temp.in_time('... two of them', 8);
select is((select array[r #>> '{here,payments}', r #>> '{there,payments}', jsonb_array_length(r -> 'differences')::text,
                        r #>> '{differences,7,became}']
             from large l, reconcile('vietqr', '2001-01-03', l.file) r), array['0', '4001', '4001', 'applied'],
    '... and one report of all');
select pg_temp.in_time('... is made');
select is((select count(*)::int from intents where reference like 'file-%' and state = 'succeeded'), 4001, 'all are paid');
set constraints all immediate;
set constraints all deferred;
select is((select r #>> '{there,payments}' from large l, reconcile('vietqr', '2001-01-04', l.file) r where (r ->> 'agrees')::boolean),
    '4001', 'the file of another day that has them, too, differs in nothing');
select pg_temp.in_time('... is compared');
select throws_ok(format('select statement_rows(%L)', pg_temp.file(pg_temp.line('payment', n, t, 5))), 'IH001', 'payment-file-invalid', what || ' is no line')
  from (values (repeat('x', 201), 'y', 'a number of 201 letters'), ('x', repeat('y', 65), 'a transaction of 65')) x (n, t, what);
select is((select transaction || amount from statement_payment('momo', pg_temp.file(pg_temp.line('payment', pg_temp.number(5), 'y', 5)), pg_temp.number(5))),
    'y5', 'one payment is found in a file');
select is((select transaction || amount from statement_payment('momo', pg_temp.file(
        pg_temp.line('payment', pg_temp.number(40), 'T40', 5), pg_temp.line('payment', pg_temp.number(40), 'z', 6)), pg_temp.number(40))),
    'z6', '... the first one that is not booked yet');
select is(reconcile('momo', '2001-01-01', E'kind,number,transaction,amount,at\nend,0,0') ->> 'agrees', 'true', 'a day on which nothing was');
select is((select json_array_length(body -> 'items') from payments_reconciliations('{}', 'momo', null, null, 10)), 3, 'reports can be read');
select is((select array_agg(distinct w.days::text)
             from generate_series(1, 5) size (size),
                  lateral (with recursive pages as (
                               select 1 as n, body from payments_reconciliations('{}', null, null, null, size)
                                union all
                               select p.n + 1, r.body
                                 from pages p, payments_reconciliations('{}', null, null, p.body ->> 'next', size) r
                                where p.body ->> 'next' is not null)
                           select array_agg(concat_ws(' ', i ->> 'day', i ->> 'gateway') order by p.n, k) as days
                             from pages p, json_array_elements(p.body -> 'items') with ordinality x (i, k)) w),
    (select array[array_agg(concat_ws(' ', day, gateway) order by day desc, gateway)::text]
       from (select distinct day, gateway from reconciliations) r), '... page by page, to the first, however long a page is');


-- Which days are left to reconcile: the week that is over, from the first payment.
set constraints all immediate;
create function pg_temp.day(n int) returns date language sql as
    $$ select (now() at time zone 'Asia/Ho_Chi_Minh')::date - n $$;
insert into intents (id, number, payer, service, reference, gateway, amount, description, expires_at, check_at, created_at)
    select pg_temp.id(60 + n), pg_temp.number(60 + n), 'i p', 'bus', 'old-' || n, g, 5, 'x', now(), now(),
           (pg_temp.day(n) + time '00:00:01') at time zone 'Asia/Ho_Chi_Minh'
      from (values (2, 'vnpay'), (30, 'vietqr')) v (n, g);
select is((select array_agg(day order by day) from days_to_reconcile() where gateway = 'vnpay'),
    array[pg_temp.day(2), pg_temp.day(1)]::text[], 'from the first payment until yesterday');
select is((select count(*)::int from days_to_reconcile() where gateway = 'vietqr'), 7, 'and not more than a week');
set local enable_seqscan = off;
\ir ../../../tests/sql/lib/tuples.psql
select pg_temp.tuples_read('intents') as read \gset
select from days_to_reconcile();
select ok(pg_temp.tuples_read('intents') - :read < 15,
    '... without reading the payments');
set local enable_seqscan = on;
insert into reconciliations (gateway, day, made_at, there, here, differences) values
    ('vnpay', pg_temp.day(1), now(), '{}', '{}', '[]'),
    ('vnpay', pg_temp.day(2), (pg_temp.day(2) + time '12:00') at time zone 'Asia/Ho_Chi_Minh', '{}', '{}', '[]');
select is((select array_agg(day) from days_to_reconcile() where gateway = 'vnpay'), array[pg_temp.day(2)]::text[],
    'a report from the middle of a day is none of the day');


set constraints all deferred;


-- The demo data

\ir ../demo/payments.sql
select is((select array_agg(distinct state order by state) from intents where reference like 'demo-%'),
    array['created', 'expired', 'failed', 'partly_refunded', 'refunded', 'succeeded'], 'the demo data has all states but one');


-- All of it

set constraints all immediate;
set local track_functions = 'all';
select is_empty('select * from ledger_check() where subject not like ''%:test''', 'after all this nothing is wrong with the ledger');
select is((select calls from pg_stat_xact_user_functions where funcname = 'receipt_account'), null, '... which is read as a whole, not receipt by receipt');
set local track_functions = 'none';
savepoint sound;
set local session_replication_role = replica;
delete from ledger_lines where ctid = (select min(ctid) from ledger_lines);
update receipts set amount = amount + 1
 where id = (select receipt from intents where state = 'succeeded' order by id limit 1);
update refunds set state = 'refused' where id = (select id from refunds where state = 'done' order by id limit 1);
update intents set state = 'failed', receipt = null
 where id = (select id from intents where state = 'succeeded' order by id desc limit 1);
select string_agg(distinct wrong, ', ' order by wrong) as found from ledger_check() \gset
rollback to sound;
select is(:'found'::text, 'account differs from what it is for, entry does not balance, intent has another number of receipts, '
                    'receipt is not booked as it is, refund is not booked as it is', 'what is wrong is found');
select is((select sum(amount) from ledger_lines), 0::numeric, 'it balances');
select is((select body -> 'accounts' -> 0 ->> 'account' from payments_ledger('{}')), 'gateway:momo', 'and can be read');

select * from finish();
rollback;

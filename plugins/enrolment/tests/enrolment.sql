-- The rules that the database itself keeps: a round is open from an instant until
-- another, a child has one application, states follow each other as they may, a
-- school has no more seats than its quota, rules are fixed when a round begins, and
-- what an allocation gives.
begin;
set local client_min_messages = warning;

-- Events are told by the plugin's role, which nobody is here.
create table pg_temp.told (event text, key uuid, payload jsonb);
create or replace function ihanoi_host.publish(event text, key uuid, payload jsonb default '{}')
returns bigint language sql as 'insert into pg_temp.told values (event, key, payload) returning 1::bigint';

create schema test_enrolment;
select set_config('search_path', 'test_enrolment, ' || current_setting('search_path'), true);
set local check_function_bodies = off;
\ir ../migrations/0001_rules.sql
\ir ../migrations/0002_applications.sql
\ir ../migrations/0003_allocations.sql
\ir ../migrations/0004_waitlist_ties.sql
\ir ../migrations/0005_fixed_at_once.sql
\ir ../migrations/0006_extra_places.sql
\ir ../migrations/0007_desk.sql
\ir ../migrations/0008_published_by.sql
\ir ../migrations/0009_asked_once.sql
\ir ../migrations/0010_titles_in_english.sql
\ir ../sql/allocation_digest_inputs.sql
\ir ../sql/allocation_digest_results.sql
\ir ../sql/allocation_document.sql
\ir ../sql/allocation_next.sql
\ir ../sql/allocation_pass.sql
\ir ../sql/allocation_publish.sql
\ir ../sql/allocation_publish_some.sql
\ir ../sql/allocation_rank_school.sql
\ir ../sql/allocation_read.sql
\ir ../sql/allocation_request.sql
\ir ../sql/allocation_settle.sql
\ir ../sql/allocation_step.sql
\ir ../sql/allocation_take_entries.sql
\ir ../sql/appeal_decide.sql
\ir ../sql/appeal_list.sql
\ir ../sql/appeal_open.sql
\ir ../sql/application_answer.sql
\ir ../sql/application_check.sql
\ir ../sql/application_correct.sql
\ir ../sql/application_document.sql
\ir ../sql/application_list.sql
\ir ../sql/application_read.sql
\ir ../sql/application_results.sql
\ir ../sql/application_submit.sql
\ir ../sql/band_of.sql
\ir ../sql/desk_decide.sql
\ir ../sql/desk_list.sql
\ir ../sql/desk_read.sql
\ir ../sql/enrolment_check.sql
\ir ../sql/facts_at.sql
\ir ../sql/facts_wrong.sql
\ir ../sql/in_hanoi.sql
\ir ../sql/in_zone.sql
\ir ../sql/input_list.sql
\ir ../sql/is_officer_of.sql
\ir ../sql/level_put.sql
\ir ../sql/offers_lapse.sql
\ir ../sql/place_list.sql
\ir ../sql/place_name.sql
\ir ../sql/places_put.sql
\ir ../sql/read_list.sql
\ir ../sql/refuse_with.sql
\ir ../sql/round_brief.sql
\ir ../sql/round_close.sql
\ir ../sql/round_create.sql
\ir ../sql/round_list.sql
\ir ../sql/round_lock.sql
\ir ../sql/round_read.sql
\ir ../sql/round_state.sql
\ir ../sql/rules_document.sql
\ir ../sql/rules_lock.sql
\ir ../sql/school_put.sql
\ir ../sql/seats_lock.sql
\ir ../sql/subject_of.sql
\ir ../sql/ties_of.sql
\ir ../sql/vacancies_fill.sql
\ir ../sql/waitlist_add.sql
\ir ../sql/year_put.sql
\ir ../sql/zones_put.sql

select no_plan();

create function pg_temp.id(n int) returns uuid language sql immutable as
    $$ select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
create function pg_temp.clock(at timestamptz) returns void language sql as
    $$ select set_config('core.clock_offset', (at - transaction_timestamp())::text, true) $$;

select pg_temp.clock('2031-06-01 00:00+07');


-- Rules are data

select lives_ok($$select year_put(2031, 'Năm học 2031', '[
    {"code": "residence", "kind": "choice", "title": {"vi": "Cư trú", "en": "Residence"}, "options": ["permanent", "temporary"]},
    {"code": "resident_since", "kind": "date", "title": {"vi": "Từ", "en": "Since"}},
    {"code": "form", "kind": "choice", "title": {"vi": "Hình thức", "en": "Form"}, "options": ["5"]},
    {"code": "sibling", "kind": "boolean", "title": {"vi": "Anh chị", "en": "Sibling"}},
    {"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}}]')$$, 'a year');
select lives_ok($$select level_put(2031, 'grade_1', '[
    {"title": {"vi": "1", "en": "1"}, "holds": "$.in_zone == true && $.residence == \"permanent\""},
    {"title": {"vi": "2", "en": "2"}, "holds": "$.in_zone == true"},
    {"title": {"vi": "3", "en": "3"}, "holds": "$.sibling == true"}]',
    '[{"fact": "resident_since"}, {"fact": "score", "descending": true}]')$$, 'bands and tie-breakers');

select is(band_of(2031, 'grade_1', '{"in_zone": true, "residence": "permanent"}'), 1, 'the first band that holds');
select is(band_of(2031, 'grade_1', '{"in_zone": true, "residence": "temporary"}'), 2, '... or the next');
select is(band_of(2031, 'grade_1', '{"in_zone": false, "sibling": true}'), 3, '... or the last');
select is(band_of(2031, 'grade_1', '{"in_zone": false}'), null, 'what was not declared does not hold');
select is(band_of(2031, 'grade_6', '{"in_zone": true}'), null, 'a level without bands takes nobody');
select ok(ties_of(2031, 'grade_1', '{"resident_since": "2020-01-01"}') < ties_of(2031, 'grade_1', '{"resident_since": "2021-01-01"}'),
    'tie-breakers: the earlier day first');
select ok(ties_of(2031, 'grade_1', '{"resident_since": "2020-01-01", "score": 9}') < ties_of(2031, 'grade_1', '{"resident_since": "2020-01-01", "score": 8}'),
    '... then the larger number, where it says so');
select ok(ties_of(2031, 'grade_1', '{"resident_since": "2020-01-01", "score": 1}') < ties_of(2031, 'grade_1', '{"resident_since": "2020-01-01"}'),
    '... and no value comes last');
select is(facts_wrong(2031, '{"residence": "permanent", "sibling": false, "score": 7, "resident_since": "2024-02-29"}'), null, 'facts that the year knows');
select is(facts_wrong(2031, f::jsonb), c, 'not ' || f)
  from (values ('{"residence": "moon"}', 'residence'), ('{"sibling": 1}', 'sibling'), ('{"score": 1.5}', 'score'),
               ('{"score": 1e999}', 'score'), ('{"resident_since": "2023-02-29"}', 'resident_since'), ('{"resident_since": "x"}', 'resident_since'),
               ('{"in_zone": true}', 'in_zone'), ('{"other": 1}', 'other'), ('{"form": 5}', 'form'), ('{"residence": null}', 'residence')) x (f, c);
select year_put(2029, 'x', '[{"code": "form", "kind": "choice", "title": {}, "options": ["b", "a", "c", "a"]}]');
select level_put(2029, 'grade_1', '[]', '[{"fact": "form"}]');
select is(ties_of(2029, 'grade_1', '{"form": "a"}'), '{2}', 'a choice that a year names twice stands where it is first');
select throws_ok($$select level_put(2031, 'grade_1', '[{"title": {}, "holds": "$.a =="}]', '[]')$$, 'IH001', 'enrolment-rule-invalid', 'a predicate that is none');
select throws_ok(format('select level_put(2031, ''grade_1'', %L, ''[]'')', jsonb_build_array(jsonb_build_object('title', '{}', 'holds', h))),
    'IH001', 'enrolment-rule-invalid', 'nor ' || h)
  from (values ('$.residence == $permanent'), ('$.residence like_regex "("'), ('$.score > 1e99999999')) x (h);
select year_put(2030, 'Năm học 2030', '[]');
select lives_ok($$select level_put(2030, 'grade_1', '[{"title": {}, "holds": "$.residence == \"$\" || $.\"a$\" == 1"}]', '[]')$$, 'a dollar in a text');
select level_put(2030, 'grade_6', '[{"title": {}, "holds": "$.since.datetime() < \"2020-01-02T00:00:00+07:00\".datetime()"}]', '[]');
select is(band_of(2030, 'grade_6', '{"since": "2020-01-01"}'), 1, 'a day is held against a time');
select level_put(2030, 'grade_6', '[{"title": {}, "holds": "$.since.datetime() == \"2020-01-02T00:00:00+07:00\".datetime()"}]', '[]');
set local timezone = 'UTC';
select is(band_of(2030, 'grade_6', '{"since": "2020-01-02"}'), 1, '... from its midnight in Hà Nội on, whatever the time zone');
reset timezone;
select throws_ok(format('select level_put(2031, ''grade_1'', %L, ''[]'')', jsonb_build_array(jsonb_build_object('title', '{}', 'holds', h))),
    'IH001', 'enrolment-rule-invalid', 'a time cannot be read by ' || h)
  from (values ('$.resident_since.datetime("YYYY-MM-DDTHH24:MI") < "2020-01-02".datetime()'),
               ('$.score == 1 || exists($.resident_since ? (@.datetime("YYYY#MM") < "2020-01".datetime("YYYY-MM")))')) x (h);
select lives_ok($$select level_put(2030, 'kindergarten', '[{"title": {}, "holds": "$.since.datetime(\"DD-MM-YYYY\") < \"2020-01-02\".datetime() || $.a == \".datetime(\\\"#\\\")\""}]', '[]')$$, '... but in other forms');
select throws_ok($$select level_put(2031, 'grade_1', '[]', '[{"fact": "moon"}]')$$, 'IH001', 'enrolment-rule-invalid', 'a tie-breaker of no fact');
select throws_ok($$select year_put(2031, 'x', '[]')$$, 'IH001', 'enrolment-rule-invalid', 'a fact that a tie-breaker looks at stays');
select throws_ok($$select year_put(2030, 'x', '[{"code": "a", "kind": "boolean", "title": {}}, {"code": "a", "kind": "boolean", "title": {}}]')$$,
    'IH001', 'enrolment-rule-invalid', 'a fact stands once');

select school_put('A', 'Trường A', '00004', '["i officer-a"]'), school_put('B', 'Trường B', '00008', '["i officer-b"]');
select lives_ok($$select zones_put('A', 2031, 'grade_1', '[{"ward": "00004"},
    {"ward": "00008", "street": "Phố  HUẾ", "until": "2031-07-01"}]')$$, 'a zone');
select zones_put('B', 2031, 'grade_1', '[{"ward": "00004"}]');
select ok(in_zone(2031, 'grade_1', 'A', '2031-06-01', '00004', null), 'a ward');
select ok(in_zone(2031, 'grade_1', 'A', '2031-06-01', '00008', s), 'a street of another')
  from (values ('phố huế '), (normalize('Phố Huế', nfd)), (e'Phố\u00a0Huế\u00a0')) x (s);
select ok(not in_zone(2031, 'grade_1', 'A', '2031-06-01', '00008', 'Phố Vọng'), 'not its other streets');
select ok(not in_zone(2031, 'grade_1', 'A', '2031-07-01', '00008', 'Phố Huế'), 'and not after its last day');


-- A round from an instant until another

select throws_ok($$select round_create(pg_temp.id(9), 2031, 'grade_1', 'x', instant(), instant() + interval '1 day',
    '2025-01-01', '2025-12-31', '2031-06-01', 3, 48, repeat('0', 64))$$, 'IH001', 'enrolment-rule-invalid', 'a round does not begin before it is made');
select round_create(pg_temp.id(1), 2031, 'grade_1', 'Đợt 1', '2031-07-01 08:00+07', '2031-07-03 17:00+07',
    '2025-01-01', '2025-12-31', '2031-06-01', 3, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(1), '[{"school": "A", "quota": 2}, {"school": "B", "quota": 1}]');

create function pg_temp.apply(n int, who text default 'i g1', choices jsonb default '["A", "B"]', facts jsonb default '{}',
                              ward text default '00004') returns json
language sql as $$
    select application_submit(id => pg_temp.id(1000 + n), guardian => who, round => pg_temp.id(1),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2025-05-01',
        ward => apply.ward, facts => apply.facts, evidence => '[]', choices => apply.choices, most => 100) $$;
create function pg_temp.state(n int) returns text language sql as
    $$ select state from applications where id = pg_temp.id(1000 + n) $$;

select pg_temp.clock('2031-07-01 07:59:59.999999+07');
select throws_ok('select pg_temp.apply(1)', 'IH001', 'enrolment-not-open', 'a microsecond before it opens: no');
create function pg_temp.said() returns jsonb language plpgsql as $$
declare
    members  text;
begin
    perform pg_temp.apply(1);
    return null;
exception when sqlstate 'IH001' then
    get stacked diagnostics members = pg_exception_detail;
    return members;
end $$;
select is(pg_temp.said() - '{opens_at, closes_at, now}'::text[],
          '{"opens": "2031-07-01 08:00:00", "closes": "2031-07-03 17:00:00"}', '... and people read when, in Hà Nội''s time');
select pg_temp.clock('2031-07-01 08:00+07');
select lives_ok('select pg_temp.apply(1)', 'when it opens: yes');
select pg_temp.clock('2031-07-03 16:59:59.999999+07');
select lives_ok('select pg_temp.apply(2)', 'a microsecond before it closes: yes');
select pg_temp.clock('2031-07-03 17:00+07');
select throws_ok('select pg_temp.apply(3)', 'IH001', 'enrolment-not-open', 'when it closes: no');
select is(pg_temp.apply(1) ->> 'id', pg_temp.id(1001)::text, 'what was taken is answered again, also when it is closed');
select is((select count(*) from pg_temp.told where event = 'enrolment.application_changed' and payload = jsonb_build_object('round', pg_temp.id(1), 'state', 'submitted')), 2::bigint,
    'each is told once, and nothing of a person');

select pg_temp.clock('2031-07-02 08:00+07');
select throws_ok($$select pg_temp.apply(1, 'i g2')$$, 'IH001', 'enrolment-child-has-one', 'one application a child, of whichever guardian');
select throws_ok($$select pg_temp.apply(1, 'i g1', '["B"]')$$, 'IH001', 'enrolment-child-has-one', '... and not another one of the same');
select throws_ok($$insert into applications (id, round, guardian, child, child_name, born, ward, facts, evidence, content, changed_by)
    select pg_temp.id(99), round, 'i x', child, child_name, born, ward, facts, evidence, content, 'i x' from applications limit 1$$,
    '23505', null, '... which an index holds');
select throws_ok($$select pg_temp.apply(4, 'i g1', '["C"]')$$, 'IH001', 'enrolment-school-unknown', 'a school that does not take part');
select throws_ok($$select pg_temp.apply(4, 'i g1', '["A"]', '{"moon": 1}')$$, 'IH001', 'enrolment-fact-unknown', 'a fact that the year does not have');
select throws_ok($$select year_put(2031, 'x', '[]')$$, 'IH001', 'enrolment-rules-fixed', 'facts are fixed when a round has begun');
select throws_ok($$select level_put(2031, 'grade_1', '[]', '[]')$$, 'IH001', 'enrolment-rules-fixed', '... and bands');
select throws_ok($$select zones_put('A', 2031, 'grade_1', '[]')$$, 'IH001', 'enrolment-rules-fixed', '... and zones');
select throws_ok($$select places_put(pg_temp.id(1), '[{"school": "A", "quota": 3}]')$$, 'IH001', 'enrolment-rules-fixed', '... and quotas');
select lives_ok($$select level_put(2031, 'grade_6', '[]', '[]')$$, 'another level of the year is free');
select throws_ok($$update rounds set closes_at = closes_at + interval '1 day'$$, '23514', null, 'a round does not move');


-- Withdrawn and refused do not stand in the way

select application_answer(pg_temp.id(1002), 'i g1', 'withdraw');
select is(application_answer(pg_temp.id(1002), 'i g1', 'withdraw') ->> 'state', 'withdrawn', 'withdrawn, twice is once');
update applications set state = 'refused', changed_by = 'x' where id = pg_temp.id(1001);
select is((application_submit(pg_temp.id(1101), 'i g2', pg_temp.id(1), encode(sha256('child1'), 'hex'), 'Trẻ 1', '2025-05-01', '00004', '{}', '[]', '["A"]', 10)) ->> 'id',
    pg_temp.id(1101)::text, 'after a refusal somebody else applies for the child');
select is(appeal_open(pg_temp.id(2001), pg_temp.id(1001), 'i g1', 'Xin xem lại') ->> 'state', 'refused', 'the first one appeals');
select throws_ok($$select appeal_decide(pg_temp.id(2001), 'i office', 'upheld', 'Đúng')$$, 'IH001', 'enrolment-child-has-one', '... and cannot win while the second stands');
select is(appeal_decide(pg_temp.id(2001), 'i office', 'dismissed', 'Không') ->> 'state', 'refused', '... but be dismissed');


-- States follow each other as they may, and not otherwise

create function pg_temp.moves() returns setof text language plpgsql as $$
declare
    states  text[] := '{submitted,returned,verified,refused,offered,waitlisted,confirmed,declined,lapsed,withdrawn}';
    a       text;
    b       text;
begin
    perform pg_temp.apply(5);
    foreach a in array states loop
        foreach b in array states loop
            continue when a = b;
            set local session_replication_role = replica;
            update applications set state = a, school = case when a in ('offered', 'confirmed') then 'A' end,
                   offer_until = case a when 'offered' then now() end where id = pg_temp.id(1005);
            update places set taken = case when a in ('offered', 'confirmed') then 1 else 0 end where school = 'A';
            set local session_replication_role = origin;
            begin
                update applications set state = b, school = case when b in ('offered', 'confirmed') then 'A' end,
                       offer_until = case b when 'offered' then now() end where id = pg_temp.id(1005);
                return next a || ' ' || b;
            exception when check_violation then null;
            end;
        end loop;
    end loop;
    set local session_replication_role = replica;
    update applications set state = 'withdrawn', school = null, offer_until = null where id = pg_temp.id(1005);
    insert into steps (application, at, state, by) values (pg_temp.id(1005), now(), 'withdrawn', 'test');
    update places set taken = 0;
    set local session_replication_role = origin;
end $$;
select set_eq('select pg_temp.moves()', 'select old || '' '' || new from application_transitions', 'all pairs of states were tried');
select throws_ok('insert into application_transitions values (''lapsed'', ''confirmed'')', '23000', null, 'the table of them is closed');
select throws_ok('delete from applications', '23000', null, 'applications are kept');
select throws_ok('delete from steps', '23000', null, '... and their steps');
select throws_ok('update reads set subject = ''x''', '23000', null, '... and who has read them');
select throws_ok('update applications set guardian = ''x''', '23514', null, 'whose it is does not change');


-- Officers

select is(desk_read(pg_temp.id(1101), 'i officer-b', false)::text, null, 'an officer of another school reads nothing');
select is(desk_decide(pg_temp.id(1101), 'i officer-b', false, 'refuse', 'x')::text, null, '... and decides nothing');
select is((desk_read(pg_temp.id(1101), 'i officer-a', false)) ->> 'id', pg_temp.id(1101)::text, 'that of the first choice does');
select is((select string_agg(subject || ' ' || operation, ', ') from reads where application = pg_temp.id(1101)), 'i officer-a desk_read', 'which is written down');
select throws_ok($$select desk_decide(pg_temp.id(1101), 'i officer-a', false, 'verify', null, repeat('0', 64))$$, 'IH001', 'enrolment-child-differs', 'another child''s number: not verified');
select is(desk_decide(pg_temp.id(1101), 'i officer-a', false, 'return', 'Thiếu giấy') ->> 'state', 'returned', 'returned');
select is(application_correct(pg_temp.id(1101), 'i g2', 'Trẻ 1', '2025-05-01', '00004', '{"residence": "permanent"}', '[]', '["B", "A"]') ->> 'state', 'submitted', '... corrected');
select is(application_document(pg_temp.id(1101)) ->> 'choices', '["B", "A"]', '... with other choices');
select is(desk_decide(pg_temp.id(1101), 'i officer-b', false, 'verify', null, encode(sha256('child1'), 'hex')) ->> 'state', 'verified', '... and verified by whose it is now');
select is(desk_decide(pg_temp.id(1101), 'i officer-b', false, 'verify', null, encode(sha256('child1'), 'hex')) ->> 'state', 'verified', '... twice is once');
select throws_ok($$select desk_decide(pg_temp.id(1101), 'i officer-b', false, 'verify', null, repeat('0', 64))$$, 'IH001', 'enrolment-child-differs', '... but another child''s number is told, also when it is verified');


-- An allocation: two places at A, one at B. The draw decides between 11 and 12.

select pg_temp.apply(10, 'i g10', '["A", "B"]', '{"residence": "permanent"}');
select pg_temp.apply(n, 'i g' || n, '["A", "B"]') from generate_series(11, 13) n;
select pg_temp.apply(14, 'i g14', '["A"]', '{}', '00010');
select desk_decide(pg_temp.id(1000 + n), 'i office', true, 'verify', null, encode(sha256(('child' || n)::bytea), 'hex')) from generate_series(10, 14) n;
select throws_ok($$select round_close(pg_temp.id(1), 'a-seed-of-the-test')$$, 'IH001', 'enrolment-round-open', 'a round is not closed before its time');
select pg_temp.clock('2031-07-03 17:00+07');
select throws_ok($$select allocation_request(pg_temp.id(3001), pg_temp.id(1), 'i office')$$, 'IH001', 'enrolment-round-not-closed', 'nothing is allocated before it is closed');
select throws_ok($$select round_close(pg_temp.id(1), 'another-seed-of-it')$$, 'IH001', 'enrolment-seed-differs', 'another seed than was promised');
select throws_ok($$update rounds set stage = 'closed', seed = 'another-seed-of-it'$$, '23514', null, '... which a constraint holds');
select lives_ok($$select round_close(pg_temp.id(1), 'a-seed-of-the-test')$$, 'closed');
select throws_ok($$select desk_decide(pg_temp.id(1014), 'i office', true, 'refuse', 'x')$$, 'IH001', 'enrolment-round-closed', 'what is closed is not decided again');

create function pg_temp.work() returns text language plpgsql as $$
declare
    which  uuid;
    state  text;
    steps  int := 0;
begin
    loop
        which := allocation_next();
        exit when which is null or steps > 500;
        state := allocation_step(which, 0);
        steps := steps + 1;
    end loop;
    return state;
end $$;

select allocation_request(pg_temp.id(3001), pg_temp.id(1), 'i office');
select is(allocation_request(pg_temp.id(3009), pg_temp.id(1), 'i office') ->> 'id', pg_temp.id(3001)::text, 'one works at a time');
select is(pg_temp.work(), 'computed', 'computed, in steps of one page');
select is((select school from allocation_entries where application = pg_temp.id(1010)), 'A', 'the first band has its first choice');
select is((select school from allocation_entries where application = pg_temp.id(1101)), 'B', '... also the other one');
select is((select count(*) from allocation_entries where application in (pg_temp.id(1011), pg_temp.id(1012), pg_temp.id(1013)) and school = 'A'), 1::bigint, 'one of three equals has the last place');
select is((select application from allocation_entries where application in (pg_temp.id(1011), pg_temp.id(1012), pg_temp.id(1013)) and school = 'A'),
          (select id from applications where id in (pg_temp.id(1011), pg_temp.id(1012), pg_temp.id(1013)) order by encode(sha256(('a-seed-of-the-test|' || number)::bytea), 'hex') limit 1),
          '... as the seed has drawn');
select is((select status from input_list('{}', pg_temp.id(1), null, 10)), 200, 'its inputs are public');
select is((select body::jsonb #>> '{items,0,result}' from input_list('{}', pg_temp.id(1), null, 10)), null, '... and its results not yet');

-- A second one gives the same; after an appeal the first is stale.
select allocation_request(pg_temp.id(3002), pg_temp.id(1), 'i office');
select is(pg_temp.work(), 'computed', 'once more');
select is((select count(distinct (inputs_digest, results_digest)) from allocations), 1::bigint, '... from the same inputs to the same result');
update rounds set revision = revision + 1;
select throws_ok($$select allocation_publish(pg_temp.id(3002), 'head')$$, 'IH001', 'enrolment-allocation-stale', 'what has changed is not published');
select allocation_request(pg_temp.id(3003), pg_temp.id(1), 'i office');
select is(pg_temp.work(), 'computed', 'a third');
select allocation_request(pg_temp.id(3010), pg_temp.id(1), 'i office');
select is(pg_temp.work(), 'computed', 'and a fourth, of the same inputs');
select lives_ok($$select allocation_publish(pg_temp.id(3003), 'head')$$, 'publish it');
select throws_ok($$select allocation_publish(pg_temp.id(3010), 'head')$$, 'IH001', 'enrolment-allocation-works', '... and no other one meanwhile');
select allocation_publish(pg_temp.id(3003), 'deputy');
select is((select published_by from allocations where id = pg_temp.id(3003)), 'head', '... which who does it first is known to have done');
select pg_temp.clock('2031-07-03 18:00+07');    -- the job comes an hour later
select is(pg_temp.work(), 'published', 'all are told');
select throws_ok($$select allocation_publish(pg_temp.id(3010), 'head')$$, 'IH001', 'enrolment-round-published', '... so another one is not published');
select throws_ok($$select allocation_request(pg_temp.id(3011), pg_temp.id(1), 'i office')$$, 'IH001', 'enrolment-round-published', '... nor computed');
select is((select string_agg(state, ' ' order by state) from applications where state not in ('withdrawn')), 'offered offered offered refused refused waitlisted waitlisted', 'offers, waitlist, and who is in no band');
select is((select jsonb_agg(x ->> 'result') from jsonb_array_elements(application_results(pg_temp.id(1010))::jsonb) x), '["admitted", "not_needed"]', 'why: admitted');
select is((select body::jsonb ->> 'published' from input_list('{}', pg_temp.id(1), null, 10)), 'true', 'results are public');
select is_empty('select * from enrolment_check()', 'all is sound');

-- Nobody gives a seat that is not there.
select throws_ok($$update applications set state = 'offered', school = 'A', offer_until = now() where id = (select id from applications where state = 'waitlisted' limit 1)$$,
    '23514', null, 'an offer beyond the quota');

-- Somebody who waits appeals, and is offered a place before that is decided (below).
select is(appeal_open(pg_temp.id(2004), a.id, a.guardian, 'Xin xem lại') ->> 'state', 'waitlisted', 'who waits may appeal')
  from (select * from applications where state = 'waitlisted' order by id limit 1) a;

-- Offers end at their instant, and the next of the waitlist is offered.
select pg_temp.clock('2031-07-05 17:59:59.999999+07');
select is(application_answer(pg_temp.id(1010), 'i g10', 'confirm') ->> 'state', 'confirmed', 'a microsecond before its end: confirmed');
select is(offers_lapse(10), 0, '... and none has lapsed');
select pg_temp.clock('2031-07-05 18:00+07');
select throws_ok($$select application_answer(pg_temp.id(1101), 'i g2', 'confirm')$$, 'IH001', 'enrolment-offer-over', 'at its end: over');
select is(offers_lapse(10), 2, '... the others have lapsed');
select is(vacancies_fill(10), 2, 'the next two are offered');
select is((select count(*) from applications where state = 'offered'), 2::bigint, '... those who waited');
select is(vacancies_fill(10), 0, 'nobody waits any more');
select throws_ok($$select appeal_decide(pg_temp.id(2004), 'i office', 'upheld', 'Đúng')$$, 'IH001', 'enrolment-state', 'an appeal of who has a place now is not upheld');
select is(appeal_decide(pg_temp.id(2004), 'i office', 'dismissed', 'Đã có chỗ') ->> 'state', 'offered', '... but it does not stay open for ever');
select is_empty('select * from enrolment_check()', 'all is sound');

-- An appeal after publishing gives a place beyond the quota.
select appeal_open(pg_temp.id(2002), pg_temp.id(1101), 'i g2', 'Không nhận được tin');
select is(appeal_decide(pg_temp.id(2002), 'i office', 'upheld', 'Đúng') ->> 'state', 'waitlisted', 'an appeal is upheld');
select is(pg_temp.work(), 'settled', '... the allocation is run again');
select is(pg_temp.state(101), 'offered', '... and gives what it gave');
select is((select extra from places where school = 'B'), 1, '... beyond the quota');
select appeal_open(pg_temp.id(2003), pg_temp.id(1014), 'i g14', 'Nhầm phường');
select throws_ok($$select appeal_decide(pg_temp.id(2003), 'i office', 'upheld', 'Đúng')$$, 'IH001', 'enrolment-no-band', 'whom no school considers would wait for nothing');
select appeal_decide(pg_temp.id(2003), 'i office', 'upheld', 'Đúng', '{"sibling": true}');
select is(pg_temp.work(), 'settled', 'one with other facts');
select is(pg_temp.state(14), 'waitlisted', '... who would not have had a place, waits');
select is((select count(*) from waitlist where application = pg_temp.id(1014)), 1::bigint, '... on the list');
select is(vacancies_fill(10), 0, 'an extra place is nobody else''s');
select application_answer(pg_temp.id(1010), 'i g10', 'withdraw');
select is(vacancies_fill(10), 1, 'one that becomes free is');
select is(pg_temp.state(14), 'offered', '... whose turn it is');
select is_empty('select * from enrolment_check()', 'all is sound');

-- Who comes to a waitlist by an appeal stands there by what the tie-breakers see, as all do.
select pg_temp.clock('2033-06-01 00:00+07');
select year_put(2033, 'Năm học 2033', '[{"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}}]');
select level_put(2033, 'grade_1', '[{"title": {}, "holds": "$.in_zone == false"}]', '[{"fact": "score", "descending": true}]');
select round_create(pg_temp.id(4), 2033, 'grade_1', 'Đợt 1', '2033-07-01 08:00+07', '2033-07-03 17:00+07',
    '2027-01-01', '2027-12-31', '2033-06-01', 1, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(4), '[{"school": "A", "quota": 1}]');
select pg_temp.clock('2033-07-02 08:00+07');
select application_submit(id => pg_temp.id(4000 + n), guardian => 'i g' || n, round => pg_temp.id(4),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2027-05-01',
        ward => '00004', facts => jsonb_build_object('score', n), evidence => '[]', choices => '["A"]', most => 1)
  from unnest('{60, 80, 85, 90, 100}'::int[]) n;
select desk_decide(pg_temp.id(4000 + n), 'i office', true, case when n in (85, 90) then 'refuse' else 'verify' end, 'x',
                   encode(sha256(('child' || n)::bytea), 'hex')) from unnest('{60, 80, 85, 90, 100}'::int[]) n;
select pg_temp.clock('2033-07-03 17:00+07');
select round_close(pg_temp.id(4), 'a-seed-of-the-test');
select allocation_request(pg_temp.id(3004), pg_temp.id(4), 'i office');
select pg_temp.work();
select allocation_publish(pg_temp.id(3004), 'head');
select pg_temp.work();
select appeal_open(pg_temp.id(4200 + n), pg_temp.id(4000 + n), 'i g' || n, 'Xin xem lại') from unnest('{85, 90}'::int[]) n;
create function pg_temp.appeals_after(cursor text) returns text language plpgsql as $$
declare
    page  json := appeal_list(pg_temp.id(4), 'i office', 1, cursor);
begin
    return concat_ws(' ', right(page #>> '{items,0,id}', 4), right(page ->> 'next', 4));
end $$;
select is(pg_temp.appeals_after(null), '4285 4285', 'appeals in pages: the first says that there is another');
select is(pg_temp.appeals_after('appeal.' || pg_temp.id(4285)), '4290', '... and the next one that it is the last');
select appeal_decide(pg_temp.id(4200 + n), 'i office', 'upheld', 'Đúng') from unnest('{85, 90}'::int[]) n;
select is(pg_temp.work(), 'settled', 'two come to a waitlist by their appeals');
select results_eq($$select a.number from applications a where a.round = pg_temp.id(4) and a.state = 'waitlisted'
                     order by (application_document(a.id)::jsonb #>> '{waits_for,0,place}')::int$$,
                  $$select number from applications a where a.round = pg_temp.id(4) and a.state = 'waitlisted'
                     order by (facts ->> 'score')::int desc$$, '... and stand there by the tie-breakers');
select application_answer(pg_temp.id(4100), 'i g100', 'decline');
select vacancies_fill(1);
select is((select state from applications where id = pg_temp.id(4090)), 'offered', '... the best of all is offered what becomes free');

-- Rounds that open at the same instant, a page each.
select round_create(pg_temp.id(40 + n::int), 2033, level, 'Đợt 2', '2033-08-01 08:00+07', '2033-08-03 17:00+07',
    '2027-01-01', '2027-12-31', '2033-06-01', 1, 48, encode(sha256('a-seed-of-the-test'), 'hex'))
  from unnest('{kindergarten,grade_1,grade_6}'::text[]) with ordinality l (level, n);
create function pg_temp.pages() returns setof uuid language plpgsql as $$
declare
    page  json := (select body from round_list('{}', 2033, null, 1));
begin
    loop
        return query select (x ->> 'id')::uuid from json_array_elements(page -> 'items') x;
        exit when page ->> 'next' is null;
        execute format('select body from round_list(''{}'', 2033, %L, 1)', page ->> 'next') into page;
    end loop;
end $$;
select bag_eq('select pg_temp.pages()', 'select id from rounds where year = 2033', 'each round is on one page');
select is_empty('select * from enrolment_check()', 'all is sound');

-- A place becomes free while an appeal is settled: it waits, for an offer would end the
-- appellant's waiting for a school that was wished more.
select pg_temp.clock('2034-06-01 00:00+07');
select year_put(2034, 'Năm học 2034', '[{"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}}]');
select level_put(2034, 'grade_1', '[{"title": {}, "holds": "$.in_zone == false"}]', '[{"fact": "score", "descending": true}]');
select round_create(pg_temp.id(5), 2034, 'grade_1', 'Đợt 1', '2034-07-01 08:00+07', '2034-07-03 17:00+07',
    '2028-01-01', '2028-12-31', '2034-06-01', 2, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(5), '[{"school": "A", "quota": 1}, {"school": "B", "quota": 1}]');
select pg_temp.clock('2034-07-02 08:00+07');
select application_submit(id => pg_temp.id(5000 + n), guardian => 'i g' || n, round => pg_temp.id(5),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2028-05-01',
        ward => '00004', facts => jsonb_build_object('score', n), evidence => '[]', choices => choices::jsonb, most => 1)
  from (values (100, '["A"]'), (90, '["B"]'), (10, '["A", "B"]'), (5, '["B"]'), (1, '["A"]')) x (n, choices);
select desk_decide(id, 'i office', true, 'verify', null, child) from applications where round = pg_temp.id(5);
select pg_temp.clock('2034-07-03 17:00+07');
select round_close(pg_temp.id(5), 'a-seed-of-the-test');
select allocation_request(pg_temp.id(3005), pg_temp.id(5), 'i office');
select pg_temp.work();
select allocation_publish(pg_temp.id(3005), 'head');
select pg_temp.work();
create function pg_temp.has(n int) returns text language sql as
    $$ select concat_ws(' ', state, school) from applications where id = pg_temp.id(5000 + n) $$;
select is(pg_temp.has(10), 'waitlisted', 'who has said too little waits for both schools');
select appeal_open(pg_temp.id(5200), pg_temp.id(5010), 'i g10', 'Xin xem lại');
select appeal_decide(pg_temp.id(5200), 'i office', 'upheld', 'Đúng', '{"score": 200}');
select application_answer(pg_temp.id(5090), 'i g90', 'decline');
select is(vacancies_fill(10), 0, 'a place that becomes free waits for the appeal');
select is(pg_temp.work(), 'settled', '... which is settled');
select is(pg_temp.has(10), 'offered A', '... and gives what was wished most');
select is(vacancies_fill(10), 1, '... then the place is offered');
select is(pg_temp.has(5), 'offered B', '... to the next who waits');
select application_answer(pg_temp.id(5100), 'i g100', 'decline');
select is(vacancies_fill(10), 1, 'a place of the quota is free though one was given beyond it');
select is(pg_temp.has(1), 'offered A', '... for who waits');
select application_answer(pg_temp.id(5010), 'i g10', 'withdraw');
select is((select array[quota, extra, taken] from places where round = pg_temp.id(5) and school = 'A'), '{1,0,1}',
    'the one beyond it goes with who had it');
select is_empty('select * from enrolment_check()', 'all is sound');

-- Whom a school does not consider by the facts as they should have been waits there no more.
select pg_temp.clock('2035-06-01 00:00+07');
select year_put(2035, 'Năm học 2035', '[{"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}},
    {"code": "sibling", "kind": "boolean", "title": {"vi": "Anh chị", "en": "Sibling"}}]');
select level_put(2035, 'grade_1', '[{"title": {}, "holds": "$.in_zone == true"}, {"title": {}, "holds": "$.sibling == true"}]',
    '[{"fact": "score", "descending": true}]');
select zones_put('A', 2035, 'grade_1', '[{"ward": "00004"}]');
select round_create(pg_temp.id(9), 2035, 'grade_1', 'Đợt 1', '2035-07-01 08:00+07', '2035-07-03 17:00+07',
    '2029-01-01', '2029-12-31', '2035-06-01', 2, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(9), '[{"school": "A", "quota": 1}, {"school": "B", "quota": 1}]');
select pg_temp.clock('2035-07-02 08:00+07');
select application_submit(id => pg_temp.id(9000 + n), guardian => 'i g' || n, round => pg_temp.id(9),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2029-05-01',
        ward => '00004', facts => jsonb_build_object('score', n, 'sibling', true), evidence => '[]', choices => choices::jsonb, most => 1)
  from (values (100, '["A"]'), (90, '["B"]'), (10, '["A", "B"]')) x (n, choices);
select desk_decide(id, 'i office', true, 'verify', null, child) from applications where round = pg_temp.id(9);
select pg_temp.clock('2035-07-03 17:00+07');
select round_close(pg_temp.id(9), 'a-seed-of-the-test');
select allocation_request(pg_temp.id(3012), pg_temp.id(9), 'i office');
select pg_temp.work();
select allocation_publish(pg_temp.id(3012), 'head');
select pg_temp.work();
create function pg_temp.waits() returns text language sql as
    $$ select string_agg(school, ' ' order by school) from waitlist where application = pg_temp.id(9010) $$;
select is(pg_temp.waits(), 'A B', 'who has a sibling at a school of another zone waits for it, too');
select appeal_open(pg_temp.id(9200), pg_temp.id(9010), 'i g10', 'Xin xem lại');
select appeal_decide(pg_temp.id(9200), 'i office', 'upheld', 'Điểm là 20, không có anh chị', '{"score": 20, "sibling": false}');
select is(pg_temp.work(), 'settled', 'an appeal shows that there is none');
select is(pg_temp.waits(), 'A', '... who waits for the other school alone');
select application_answer(pg_temp.id(9090), 'i g90', 'decline');
select is(vacancies_fill(10), 0, '... and is offered no place at one that does not consider them');
select is_empty('select * from enrolment_check()', 'all is sound');

-- An appeal that is upheld while one before it is settled: what the later one finds counts.
select pg_temp.clock('2038-06-01 00:00+07');
select year_put(2038, 'Năm học 2038', '[{"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}}]');
select level_put(2038, 'grade_1', '[{"title": {}, "holds": "$.in_zone == false"}]', '[{"fact": "score", "descending": true}]');
select round_create(pg_temp.id(14), 2038, 'grade_1', 'Đợt 1', '2038-07-01 08:00+07', '2038-07-03 17:00+07',
    '2032-01-01', '2032-12-31', '2038-06-01', 2, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(14), '[{"school": "A", "quota": 1}, {"school": "B", "quota": 1}]');
select pg_temp.clock('2038-07-02 08:00+07');
select application_submit(id => pg_temp.id(14000 + n), guardian => 'i g' || n, round => pg_temp.id(14),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2032-05-01',
        ward => '00004', facts => jsonb_build_object('score', n), evidence => '[]', choices => choices::jsonb, most => 1)
  from (values (100, '["A"]'), (90, '["B"]'), (10, '["A", "B"]')) x (n, choices);
select desk_decide(id, 'i office', true, 'verify', null, child) from applications where round = pg_temp.id(14);
select pg_temp.clock('2038-07-03 17:00+07');
select round_close(pg_temp.id(14), 'a-seed-of-the-test');
select allocation_request(pg_temp.id(3015), pg_temp.id(14), 'i office');
select pg_temp.work();
select allocation_publish(pg_temp.id(3015), 'head');
select pg_temp.work();
select appeal_open(pg_temp.id(14200), pg_temp.id(14010), 'i g10', 'Xin xem lại');
select appeal_decide(pg_temp.id(14200), 'i office', 'upheld', 'Điểm là 95', '{"score": 95}');
select is(allocation_step(allocation_next(), 0), 'entries', 'an appeal is being settled');
select appeal_open(pg_temp.id(14201), pg_temp.id(14010), 'i g10', 'Vẫn chưa đúng');
select appeal_decide(pg_temp.id(14201), 'i office', 'upheld', 'Điểm là 105', '{"score": 105}');
select is(pg_temp.work(), 'settled', '... and another one of the same child');
select is((select school from applications where id = pg_temp.id(14010)), 'A', '... which gives what it finds');
select is_empty('select * from enrolment_check()', 'all is sound');

-- Of several places that are free at once somebody is offered the one wished most.
select pg_temp.clock('2036-06-01 00:00+07');
select year_put(2036, 'Năm học 2036', '[{"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}}]');
select level_put(2036, 'grade_1', '[{"title": {}, "holds": "$.in_zone == false"}]', '[{"fact": "score", "descending": true}]');
select round_create(pg_temp.id(11), 2036, 'grade_1', 'Đợt 1', '2036-07-01 08:00+07', '2036-07-03 17:00+07',
    '2030-01-01', '2030-12-31', '2036-06-01', 2, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(11), '[{"school": "A", "quota": 1}, {"school": "B", "quota": 2}]');
select pg_temp.clock('2036-07-02 08:00+07');
select application_submit(id => pg_temp.id(12000 + n), guardian => 'i g' || n, round => pg_temp.id(11),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2030-05-01',
        ward => '00004', facts => jsonb_build_object('score', n), evidence => '[]', choices => choices::jsonb, most => 1)
  from (values (100, '["A"]'), (95, '["B"]'), (90, '["B"]'), (50, '["B"]'), (40, '["B", "A"]'), (10, '["A"]')) x (n, choices);
select desk_decide(id, 'i office', true, 'verify', null, child) from applications where round = pg_temp.id(11);
select pg_temp.clock('2036-07-03 17:00+07');
select round_close(pg_temp.id(11), 'a-seed-of-the-test');
select allocation_request(pg_temp.id(3013), pg_temp.id(11), 'i office');
select pg_temp.work();
select allocation_publish(pg_temp.id(3013), 'head');
select pg_temp.work();
select application_answer(pg_temp.id(12000 + n), 'i g' || n, 'decline') from unnest('{100,95,90}'::int[]) n;
select is(vacancies_fill(10), 3, 'three places are free at once');
select results_eq($$select (facts ->> 'score')::int, school from applications where round = pg_temp.id(11) and state = 'offered' order by 1$$,
    $$values (10, 'A'), (40, 'B'), (50, 'B')$$, '... and each is offered the one wished most that is their turn');
select is_empty('select * from enrolment_check()', 'all is sound');

-- Those who wait are offered what is free by the rule of the allocation: two do not get each
-- the school that the other one wishes most, and nobody is passed over because a school that
-- is wished less was looked at first.
select pg_temp.clock('2037-06-01 00:00+07');
select year_put(2037, 'Năm học 2037', '[{"code": "score", "kind": "integer", "title": {"vi": "Điểm", "en": "Score"}}]');
select level_put(2037, 'grade_1', '[{"title": {}, "holds": "$.in_zone == true"}, {"title": {}, "holds": "$.in_zone == false"}]',
    '[{"fact": "score", "descending": true}]');
select school_put(s, 'Trường ' || s, '00004', '[]') from unnest('{C,D,E}'::text[]) s;
select zones_put('A', 2037, 'grade_1', '[{"ward": "00004"}]'), zones_put('B', 2037, 'grade_1', '[{"ward": "00008"}]');
select round_create(pg_temp.id(13), 2037, 'grade_1', 'Đợt 1', '2037-07-01 08:00+07', '2037-07-03 17:00+07',
    '2031-01-01', '2031-12-31', '2037-06-01', 2, 48, encode(sha256('a-seed-of-the-test'), 'hex'));
select places_put(pg_temp.id(13), (select jsonb_agg(jsonb_build_object('school', s, 'quota', 1)) from unnest('{A,B,C,D,E}'::text[]) s));
select pg_temp.clock('2037-07-02 08:00+07');
select application_submit(id => pg_temp.id(13000 + n), guardian => 'i g' || n, round => pg_temp.id(13),
        child => encode(sha256(('child' || n)::bytea), 'hex'), child_name => 'Trẻ ' || n, born => '2031-05-01',
        ward => ward, facts => jsonb_build_object('score', n), evidence => '[]', choices => choices::jsonb, most => 1)
  from (values (99, '00004', '["A"]'), (98, '00008', '["B"]'), (97, '00010', '["C"]'), (96, '00010', '["D"]'), (95, '00010', '["E"]'),
               (50, '00004', '["B", "A"]'), (40, '00008', '["A", "B"]'),
               (30, '00010', '["E", "D"]'), (20, '00010', '["D", "C"]'), (10, '00010', '["D"]')) x (n, ward, choices);
select desk_decide(id, 'i office', true, 'verify', null, child) from applications where round = pg_temp.id(13);
select pg_temp.clock('2037-07-03 17:00+07');
select round_close(pg_temp.id(13), 'a-seed-of-the-test');
select allocation_request(pg_temp.id(3014), pg_temp.id(13), 'i office');
select pg_temp.work();
select allocation_publish(pg_temp.id(3014), 'head');
select pg_temp.work();
select application_answer(pg_temp.id(13000 + n), 'i g' || n, 'decline') from generate_series(95, 99) n;
create function pg_temp.offered() returns table (score int, school text) language sql as
    $$ select (facts ->> 'score')::int, school from applications where round = pg_temp.id(13) and state = 'offered' $$;
savepoint at_once;
select is(vacancies_fill(10), 4, 'five places are free, and four of those who wait');
select bag_eq('select * from pg_temp.offered()', $$values (50, 'B'), (40, 'A'), (30, 'E'), (20, 'D')$$,
    '... have what they wish most of what nobody before them has');
rollback to at_once;
create function pg_temp.fill() returns setof int language plpgsql as $$
declare
    n  int;
begin
    loop
        n := vacancies_fill(1);
        return next n;
        exit when n = 0;
    end loop;
end $$;
select results_eq('select pg_temp.fill()', 'values (1), (1), (1), (1), (0)', 'one at a time');
select bag_eq('select * from pg_temp.offered()', $$values (50, 'B'), (40, 'A'), (30, 'E'), (20, 'D')$$, '... it is the same');
select is_empty('select * from enrolment_check()', 'all is sound');

-- The steps of an allocation read what it is about: also with the plans of a smaller one
-- that the session has kept, and beside those of years before, of which alone there are
-- statistics.
\ir ../../../tests/sql/lib/tuples.psql
insert into schools (code, name, ward) select 'F' || n, 'Trường', '00004' from generate_series(0, 9) n;
create function pg_temp.allocated(round int, many int) returns bigint language plpgsql as $$
declare
    before  bigint;
begin
    set local session_replication_role = replica;
    insert into rounds (id, year, level, title, opens_at, closes_at, born_from, born_until, zone_day, max_choices,
                        offer_hours, seed_hash, seed, stage)
    select pg_temp.id(round), year, level, title, opens_at, closes_at, born_from, born_until, zone_day, max_choices,
           offer_hours, seed_hash, seed, 'closed'
      from rounds where id = pg_temp.id(5);
    insert into places (round, school, quota) select pg_temp.id(round), 'F' || n, many / 11 from generate_series(0, 9) n;
    insert into applications (id, round, guardian, child, child_name, born, ward, facts, evidence, content, state, changed_by)
    select pg_temp.id(round * 100000 + n), pg_temp.id(round), 'i f' || n, encode(sha256(('f' || n)::bytea), 'hex'), 'Trẻ',
           '2028-05-01', '00004', jsonb_build_object('score', n % 50), '[]', '', 'verified', 'i'
      from generate_series(1, many) n;
    insert into choices (application, round, position, school)
    select pg_temp.id(round * 100000 + n), pg_temp.id(round), p, 'F' || (n + p * (1 + n % 3)) % 10
      from generate_series(1, many) n, generate_series(1, 2) p;
    set local session_replication_role = origin;

    before := pg_temp.tuples_read('allocation_entries', 'allocation_choices');
    perform allocation_request(pg_temp.id(3000 + round), pg_temp.id(round), 'i office');
    perform pg_temp.work();
    perform allocation_publish(pg_temp.id(3000 + round), 'head');
    return case pg_temp.work() when 'published' then pg_temp.tuples_read('allocation_entries', 'allocation_choices') - before end;
end $$;
analyze allocation_entries, allocation_choices, allocation_schools;
select cmp_ok(pg_temp.allocated(6, 11), '<', 5000::bigint, 'a small allocation');
select cmp_ok(pg_temp.allocated(7, 1500), '<', 100000::bigint, '... and a large one after it');
set local session_replication_role = replica;
insert into allocation_entries (allocation, application, number, lottery)
select pg_temp.id(4000 + r), pg_temp.id(n), 'old' || n, '' from generate_series(1, 10) r, generate_series(1, 1500) n;
insert into allocation_choices (allocation, application, position, school)
select pg_temp.id(4000 + r), pg_temp.id(n), 1, 'F' || n % 10 from generate_series(1, 10) r, generate_series(1, 1500) n;
set local session_replication_role = origin;
analyze applications, choices, places, allocation_entries, allocation_choices, allocation_schools;
select cmp_ok(pg_temp.allocated(8, 1500), '<', 100000::bigint, '... and one beside those of years before');

-- The desk of one school, in the round of a city.
set local session_replication_role = replica;
insert into applications (id, round, guardian, child, child_name, born, ward, facts, evidence, content, changed_by)
select pg_temp.id(100000 + n), pg_temp.id(5), 'i c' || n, encode(sha256(('city' || n)::bytea), 'hex'), 'Trẻ', '2028-05-01',
       '00004', '{}', '[]', '', 'i'
  from generate_series(1, 5000) n;
insert into choices (application, round, position, school)
select a.id, a.round, 1, 'C' || right(a.id::text, 2)::int from applications a where a.guardian like 'i c%';
insert into officers (school, subject) values ('C7', 'i officer-c');
update applications set state = 'offered', school = 'C7', offer_until = now() where id = pg_temp.id(100001);
set local session_replication_role = origin;
analyze applications, choices, officers;
set local enable_seqscan = off;          -- as the planner has it for hundreds of thousands
set local enable_hashjoin = off;
set local enable_mergejoin = off;
create function pg_temp.desk(subject text, office boolean, school text) returns text language plpgsql as $$
declare
    before  bigint := pg_temp.tuples_read('applications', 'choices');
    page    jsonb;
begin
    for n in 1..7 loop
        page := desk_list(pg_temp.id(5), subject, office, 100, school => school);
    end loop;
    return jsonb_array_length(page -> 'items') || case when pg_temp.tuples_read('applications', 'choices') - before > 7 * 1000 then ' of all' else '' end;
end $$;
select is(pg_temp.desk('i officer-c', false, null), '51', 'an officer reads those of the school, not all of the round');
select is(pg_temp.desk('i officer-c', false, 'C7'), '51', '... also when it is named');
select is(pg_temp.desk('i officer-c', false, 'C1'), '1', '... and those that another school shares with it');
select is(pg_temp.desk('i officer-d', false, null), '0', 'who is nowhere an officer has none');
select is(pg_temp.desk('i office', true, 'C7'), '51', 'so does the office, of one school');
select is(pg_temp.desk('i office', true, null), '100', '... and of all a page at a time');

select * from finish();
rollback;

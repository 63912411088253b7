-- Who may do what to a case, and the rules of each action.
begin;
select plan(91);
\ir lib/feedback.psql

create function pg_temp.tried(name text, id uuid, action text, a jsonb default '{}')
returns text language plpgsql as $$
declare
    found text;
begin
    begin
        found := pg_temp.act(name, id, action, a);
        raise exception using errcode = 'P9999';
    exception when sqlstate 'P9999' then
        return found;
    end;
end
$$;

-- Who may: each action in a state where it is possible, by everybody.
create temp table cast_of (who text);
insert into cast_of values ('an'), ('binh'), ('hk'), ('hk_worker'), ('hk_second'),
    ('hk_boss'), ('bd'), ('city'), ('overseer'), ('nobody');

create temp table rules (action text, state text, may text[]);
insert into rules values
    ('accept',        'submitted',   '{hk,hk_second,city}'),
    ('reject',        'submitted',   '{hk,hk_second,city}'),
    ('not_competent', 'accepted',    '{hk,hk_second,city}'),
    ('transfer',      'accepted',    '{hk,hk_second,city}'),
    ('ask',           'accepted',    '{hk,hk_second,city}'),
    ('ask',           'in_progress', '{hk,hk_second,city,hk_worker}'),
    ('assign',        'accepted',    '{hk,hk_second,city}'),
    ('start',         'assigned',    '{hk_worker}'),
    ('schedule',      'assigned',    '{hk_worker}'),
    ('resolve',       'in_progress', '{hk_worker}'),
    ('approve',       'resolved',    '{hk_boss}'),
    ('change',        'accepted',    '{hk,hk_second,city}'),
    ('extend',        'accepted',    '{hk_boss}'),
    ('info',          'needs_info',  '{an}'),
    ('confirm',       'resolved',    '{an}'),
    ('rating',        'resolved',    '{an}'),
    ('reopen',        'closed',      '{an,overseer}'),
    ('appeal',        'rejected',    '{an}'),
    ('withdraw',      'accepted',    '{an}');

create temp table outcomes as
select r.action, r.state, w.who, w.who = any (r.may) as may,
       pg_temp.tried(w.who, c.id, r.action,
           case when r.action = 'change' then '{"severity": "complex"}' else '{}' end::jsonb) as outcome
from rules r
     cross join lateral (select pg_temp.case_in(r.state) as id offset 0) c
     cross join cast_of w;

select is_empty($$select * from outcomes o where o.may and o.outcome in ('not-permitted', 'not-found')$$,
    'who may, may');
select is_empty($$select * from outcomes o where not o.may
    and o.outcome not in ('not-permitted', 'not-found')$$, 'and nobody else');
select is_empty($$select * from outcomes o where not o.may
    and o.action in ('info', 'confirm', 'rating', 'appeal', 'withdraw')
    and o.outcome <> 'not-found'$$,
    'what only the reporter does answers everybody else that there is no such case');

-- A case that the public cannot see does not exist for those without a part in it.
create temp table t (name text primary key, id uuid);
insert into t values ('private', pg_temp.file('{"category": "public_security"}'));
create function pg_temp.t(name text) returns uuid language sql as
    $$select t.id from t where t.name = $1$$;

select is(pg_temp.tried('hk', pg_temp.t('private'), 'accept'), 'not-found',
    'an unlisted case is not there for an officer of another unit');
select is(pg_temp.tried('hk', gen_random_uuid(), 'accept'), 'not-found',
    'exactly as one that never was');
select is(pg_temp.tried('an', pg_temp.t('private'), 'accept'), 'not-permitted',
    'its reporter knows that it is there');

-- If-Match.
insert into t values ('one', pg_temp.file());
select is(pg_temp.tried('hk', pg_temp.t('one'), 'accept', '{"if_match": ["2"]}'),
    'precondition-failed', 'another version is refused');
select is((pg_temp.call('hk', pg_temp.t('one'), 'accept', '{"if_match": ["2"]}')).body ->> 'etag',
    '1', 'and the answer has the one that stands');
select is(pg_temp.tried('hk', pg_temp.t('one'), 'accept', '{"if_match": ["7", "1"]}'), 'accepted',
    'one of several tags is enough');
select is(pg_temp.tried('hk', pg_temp.t('one'), 'accept', '{"if_match": ["1-o"]}'), 'accepted',
    'the tag of an overdue case is its version');
select is(pg_temp.tried('hk', pg_temp.t('one'), 'accept', '{"if_match": ["*"]}'), 'accepted',
    'any version');
select is(pg_temp.tried('binh', pg_temp.t('one'), 'accept', '{"if_match": ["2"]}'), 'not-permitted',
    'who may not act learns no version');

-- Accept.
select is((pg_temp.call('hk', pg_temp.t('one'), 'accept', '{"severity": "urgent"}')).body ->> 'severity',
    'urgent', 'an officer sets the severity');
select is((pg_temp.case_of(pg_temp.t('one'))).severity_proposed, 'normal', 'the proposal is kept');
select is((pg_temp.case_of(pg_temp.t('one'))).version, 2::bigint, 'the version counts');

-- Reject, not competent, appeal.
insert into t values ('refused', pg_temp.file());
select is(pg_temp.tried('hk', pg_temp.t('refused'), 'reject', '{"reason_code": "nonsense"}'),
    'unknown-reason', 'a refusal has a code from the list');
select is(pg_temp.tried('hk', pg_temp.t('refused'), 'reject', '{"reason_code": "wrong_unit"}'),
    'unknown-reason', 'and one for refusals');
select is(pg_temp.tried('hk', pg_temp.t('refused'), 'reject', '{"reason": "   "}'),
    'text-missing', 'and words');
select is(pg_temp.act('hk', pg_temp.t('refused'), 'reject', '{"reason": "Gọi 0912345678 để biết"}'),
    'rejected', 'then it is rejected');
select is((pg_temp.case_of(pg_temp.t('refused'))).reason_public, 'Gọi [số điện thoại] để biết',
    'the reason is public, masked');
select is(pg_temp.tried('an', pg_temp.t('refused'), 'appeal', '{"reason": " "}'), 'text-missing',
    'an appeal has a reason');
select is(pg_temp.act('an', pg_temp.t('refused'), 'appeal'), 'submitted', 'the reporter appeals');
select is((pg_temp.case_of(pg_temp.t('refused'))).reason_public, null, 'the reason is gone from the case');
select is(pg_temp.tried('hk', pg_temp.t('refused'), 'reject'), 'second-person-required',
    'who refused does not refuse again');
select is(pg_temp.tried('hk', pg_temp.t('refused'), 'accept'), 'second-person-required',
    'nor accept: somebody else reviews');
select is(pg_temp.tried('hk_second', pg_temp.t('refused'), 'accept'), 'accepted', 'somebody else may accept');
select is(pg_temp.tried('hk_second', pg_temp.t('refused'), 'not_competent',
    '{"competent_body": " "}'), 'text-missing', 'to whom it goes has a name');
select is((pg_temp.call('hk_second', pg_temp.case_in('submitted'), 'not_competent',
        '{"competent_body": "Ban quản lý, gọi 0912345678"}')).body ->> 'competent_body',
    'Ban quản lý, gọi [số điện thoại]', 'which is public, and masked');
select is(pg_temp.act('hk_second', pg_temp.t('refused'), 'not_competent'), 'not_competent', 'or refuse');
select is(pg_temp.tried('an', pg_temp.t('refused'), 'appeal'), 'appeal-used', 'there is one appeal');
select is((pg_temp.case_of(pg_temp.t('refused'))).competent_body, 'Bộ Xây dựng', 'the competent body is named');
insert into t values ('late', pg_temp.case_in('rejected'));
select pg_temp.clock('2026-06-17 09:00+07');
select is(pg_temp.tried('an', pg_temp.t('late'), 'appeal'), 'window-over', 'there is a window for it');
select pg_temp.clock('2026-06-01 09:00+07');

-- Transfer: the target bounces once, then a common ancestor decides.
insert into t values ('moved', pg_temp.case_in('accepted'));
select is(pg_temp.tried('hk', pg_temp.t('moved'), 'transfer', '{"unit": "XX"}'), 'unknown-unit',
    'a transfer names a unit');
select is(pg_temp.tried('hk', pg_temp.t('moved'), 'transfer', '{"unit": "00070"}'), 'same-unit', 'another one');
select is(pg_temp.tried('hk', pg_temp.t('moved'), 'transfer', '{"reason_code": "unclear"}'),
    'unknown-reason', 'with a reason for transfers');
select is(pg_temp.act('hk', pg_temp.t('moved'), 'transfer'), 'transferred', 'it goes to Ba Đình');
select is((pg_temp.case_of(pg_temp.t('moved'))).unit_code, '00004', 'whose case it is now');
select is(pg_temp.tried('hk', pg_temp.t('moved'), 'accept'), 'not-permitted', 'no longer the old unit''s');
select is(pg_temp.tried('bd', pg_temp.t('moved'), 'transfer', '{"unit": "SXD"}'), 'bounce-goes-back',
    'the target does not pass it on unaccepted');
select is(pg_temp.act('bd', pg_temp.t('moved'), 'transfer', '{"unit": "00070"}'), 'transferred',
    'it may send it back once');
select is(pg_temp.tried('hk', pg_temp.t('moved'), 'transfer', '{"unit": "00004"}'), 'common-ancestor-decides',
    'after that neither unit moves it on');
select is(pg_temp.act('hk', pg_temp.t('moved'), 'accept'), 'accepted', 'the old unit may take it');
select is(pg_temp.tried('hk', pg_temp.t('moved'), 'transfer', '{"unit": "SXD"}'), 'common-ancestor-decides',
    'and still not move it on');
select is(pg_temp.act('city', pg_temp.t('moved'), 'transfer', '{"unit": "00004"}'), 'transferred',
    'the unit above both decides');
select is((pg_temp.case_of(pg_temp.t('moved'))).routed_by, 'decision', 'which the case tells');
select is(pg_temp.tried('bd', pg_temp.t('moved'), 'transfer', '{"unit": "00070"}'), 'common-ancestor-decides',
    'what it decided is not sent back');
select is(pg_temp.act('bd', pg_temp.t('moved'), 'accept'), 'accepted', 'it is accepted');

-- Assign, start, schedule.
insert into t values ('work', pg_temp.case_in('accepted'));
select is(pg_temp.tried('hk', pg_temp.t('work'), 'assign', '{"assignee": "hk_second"}'), 'assignee-not-eligible',
    'the assignee may process in the unit');
select is(pg_temp.tried('hk', pg_temp.t('work'), 'assign', '{"assignee": "bd"}'), 'assignee-not-eligible',
    'in this unit');
select is(pg_temp.act('hk', pg_temp.t('work'), 'assign'), 'assigned', 'then it is assigned');
select is(pg_temp.tried('hk', pg_temp.t('work'), 'start'), 'not-permitted', 'only the assignee starts');
select is(pg_temp.tried('hk_worker', pg_temp.t('work'), 'schedule', '{"planned_on": "2026-05-31"}'),
    'date-passed', 'nothing is planned for the past');
select is(pg_temp.act('hk_worker', pg_temp.t('work'), 'schedule'), 'scheduled', 'work is planned');
select is(pg_temp.act('hk_worker', pg_temp.t('work'), 'start'), 'in_progress', 'and begun');
select is(pg_temp.tried('an', pg_temp.t('work'), 'withdraw'), 'illegal-transition',
    'from then on the citizen cannot withdraw');
select pg_temp.act('hk_worker', pg_temp.t('work'), 'ask');
select is(pg_temp.tried('an', pg_temp.t('work'), 'withdraw'), 'illegal-transition',
    'nor while a question interrupts the work');
select pg_temp.act('an', pg_temp.t('work'), 'info');

-- Resolve.
select is(pg_temp.tried('hk_worker', pg_temp.t('work'), 'resolve', '{"evidence": []}'), 'evidence-missing',
    'a result has evidence');
select is(pg_temp.tried('hk_worker', pg_temp.t('work'), 'resolve', '{"evidence": [{"text": " "}]}'),
    'evidence-missing', 'that says something');
select is(pg_temp.tried('hk_worker', pg_temp.t('work'), 'resolve', e'{"evidence": [{"text": "\u200b"}]}'),
    'evidence-missing', 'that can be seen');
select is(pg_temp.tried('hk_worker', pg_temp.t('work'), 'resolve', '{"answer": " "}'), 'text-missing',
    'and an answer');
update core.officer_grants set revoked_at = core.now()
where person = pg_temp.p('hk_worker') and role = 'resolve';
select is(pg_temp.tried('hk_worker', pg_temp.t('work'), 'resolve'), 'not-permitted',
    'the assignee needs the role resolve');
update core.officer_grants set revoked_at = null where person = pg_temp.p('hk_worker');
select is(pg_temp.act('hk_worker', pg_temp.t('work'), 'resolve'), 'resolved', 'then it is resolved');
insert into t values ('exempt', pg_temp.case_in('in_progress', '{"category": "noise"}'));
select is(pg_temp.act('hk_worker', pg_temp.t('exempt'), 'resolve', '{"evidence": []}'), 'resolved',
    'a category may be exempt from evidence');

-- Approval.
insert into feedback.approvals (unit) values (pg_temp.u('00070'));
insert into t values ('checked', pg_temp.case_in('in_progress'));
select is(pg_temp.act('hk_worker', pg_temp.t('checked'), 'resolve'), 'in_progress',
    'where approval is configured, a result waits');
select is((pg_temp.case_of(pg_temp.t('checked'))).answer_public, null, 'and nobody reads it yet');
create function pg_temp.told() returns text[] language sql as $$
    select array(select m ->> 'text' from json_array_elements(
        feedback_mine(pg_temp.case_of(pg_temp.t('checked'))) -> 'messages') m) $$;
select is(pg_temp.told(), '{}', 'not the citizen either');
select is(pg_temp.tried('hk_worker', pg_temp.t('checked'), 'resolve'), 'awaiting-approval', 'nor changes it');
select is(pg_temp.act('hk_boss', pg_temp.t('checked'), 'return'), 'in_progress', 'the approver sends it back');
select is(pg_temp.tried('hk_boss', pg_temp.t('checked'), 'approve'), 'nothing-to-approve', 'then there is none');
select pg_temp.act('hk_worker', pg_temp.t('checked'), 'resolve', '{"answer": "Đã vá lại"}');
select pg_temp.grant('hk_worker', '00070', 'approve');
select is(pg_temp.tried('hk_worker', pg_temp.t('checked'), 'approve'), 'second-person-required',
    'who resolved does not approve');
select is(pg_temp.act('hk_boss', pg_temp.t('checked'), 'approve'), 'resolved', 'the approver lets it go out');
select is((pg_temp.case_of(pg_temp.t('checked'))).answer_public, 'Đã vá lại', 'and everybody reads it');
select is(pg_temp.told(), '{Đã vá lại}', 'the citizen that one alone');
select is((select array_agg(h ->> 'text') from feedback_history('{}', pg_temp.t('checked'), 100, null) f,
    json_array_elements(f.body -> 'items') h where h ->> 'text' is not null), '{Đã vá lại}',
    'as does the history');
select pg_temp.grant('city_boss', 'HN', 'approve');
select is(pg_temp.act('city_boss', pg_temp.t('checked'), 'approve'), 'closed',
    'another approver may close it');
select is((select r.approved_by from feedback.resolutions r where r.case_id = pg_temp.t('checked')),
    pg_temp.p('hk_boss'), 'who let the result go out stays');

-- Rating.
select is(pg_temp.tried('an', pg_temp.t('work'), 'rating', '{"reasons": ["late", "nonsense"]}'),
    'unknown-reason', 'a rating''s reasons are from the list');
select pg_temp.act('an', pg_temp.t('work'), 'rating', '{"score": 2, "reasons": ["late"]}');
select pg_temp.act('an', pg_temp.t('work'), 'rating', '{"score": 3}');
select is((pg_temp.case_of(pg_temp.t('work'))).rating, 3::smallint, 'a rating is changed once');
select is(pg_temp.tried('an', pg_temp.t('work'), 'rating', '{"score": 1}'), 'rating-final', 'not twice');
select pg_temp.act('an', pg_temp.t('work'), 'reopen');
select pg_temp.act('hk_worker', pg_temp.t('work'), 'start'), pg_temp.act('hk_worker', pg_temp.t('work'), 'resolve');
select pg_temp.act('hk_boss', pg_temp.t('work'), 'approve');
select pg_temp.act('an', pg_temp.t('work'), 'rating', '{"score": 5}');
select is((pg_temp.case_of(pg_temp.t('work'))).rating, 5::smallint, 'each resolution is rated anew');
select is((select count(*)::int from feedback.ratings where case_id = pg_temp.t('work')), 2,
    'and the first rating is kept');
select pg_temp.clock('2026-06-20 09:00+07');
select is(pg_temp.tried('an', pg_temp.t('work'), 'reopen'), 'window-over', 'reopening has a window');
select is(pg_temp.tried('overseer', pg_temp.t('work'), 'reopen'), 'reopened', 'not for oversight');
select is((feedback_reopen(pg_temp.c('overseer') || '{"assurance": "declared"}', pg_temp.t('work'),
    null, 'x')).body ->> 'code', 'assurance-insufficient', 'which needs a verified account');

-- What can be done next: what the machine allows from here and is not used up.
create function pg_temp.offers(who text, name text) returns text[] language sql as $$
    select array(select json_array_elements_text(case who
        when 'reporter' then feedback_mine(pg_temp.case_of(pg_temp.t(name)))
        else feedback_desk(pg_temp.case_of(pg_temp.t(name))) end -> 'actions')) $$;
select pg_temp.clock('2026-06-01 09:00+07');
delete from feedback.approvals;
insert into t values ('rated', pg_temp.case_in('closed')),
    ('appealed', pg_temp.case_in('rejected')), ('extended', pg_temp.case_in('accepted'));
select is(pg_temp.offers('reporter', 'rated'), '{rating,reopen}', 'a closed case may be rated');
select is(pg_temp.offers('reporter', 'appealed'), '{appeal}', 'a refusal appealed');
select ok('extend' = any (pg_temp.offers('desk', 'extended')), 'a deadline extended');
select pg_temp.act('an', pg_temp.t('rated'), 'rating'),
    pg_temp.act('an', pg_temp.t('rated'), 'rating'),
    pg_temp.act('an', pg_temp.t('appealed'), 'appeal'),
    pg_temp.act('hk_second', pg_temp.t('appealed'), 'reject'),
    pg_temp.act('hk_boss', pg_temp.t('extended'), 'extend'),
    pg_temp.act('hk_boss', pg_temp.t('extended'), 'extend',
        '{"due_at": "2026-09-01T17:00:00+07:00"}');
select is(pg_temp.offers('reporter', 'rated'), '{reopen}',
    'a rating that was changed is not offered again');
select is(feedback_mine(pg_temp.case_of(pg_temp.t('rated'))) ->> 'rate_until', null,
    'nor a time for it');
select is(pg_temp.offers('reporter', 'appealed'), '{}', 'nor a second appeal');
select ok('extend' <> all (pg_temp.offers('desk', 'extended')), 'nor a third extension');

select * from finish();
rollback;

-- Accounts: made by writes, consent before personal data, erased for good.
begin;
select plan(42);

create function pg_temp.c(name text default 'me') returns jsonb language sql as
    $$select jsonb_build_object('iss', 'test', 'sub', name, 'lang', 'vi', 'assurance', 'phone',
                                'operation', 'test', 'request_id', 'r1')$$;
create function pg_temp.n() returns text language sql as $$select privacy_notice_now()$$;

select is((select body ->> 'id' from me_get(pg_temp.c())), null, 'a first read finds no account');
select is((select body ->> 'assurance' from me_get(pg_temp.c())), 'phone', 'and says what the token says');
select matches((select etag from me_get(pg_temp.c())), '^0\.0\.0-', 'its version is zero');
select is(caller_person(pg_temp.c()), null, 'and makes none');

select is((me_update(pg_temp.c(), null, '{"full_name": "A"}')).body ->> 'code', 'consent-required',
    'personal data need consent');
select is(caller_person(pg_temp.c()), null, 'a refusal makes no account');
select is((me_update(pg_temp.c(), null, '{"language": "en"}')).status, 200, 'the language alone does not');
select isnt(caller_person(pg_temp.c()), null, 'a write makes the account');

select is((consent_give(pg_temp.c(), 'old', true)).body ->> 'code', 'unknown-notice',
    'consent is given to the notice that holds');
select is((consent_give(pg_temp.c(), pg_temp.n(), true)).status, 201, 'consent is kept');
select is((select c.hash = n.hash from core.consents c join core.privacy_notices n on n.version = c.notice
           where c.person = caller_person(pg_temp.c())), true, 'with the hash of the words');
select is((me_update(pg_temp.c(), null,
    '{"full_name": "Nguyễn Thử", "phone": "0912345678", "birth_year": 1990, "commune": "00070"}')).status,
    200, 'then personal data are kept');
select is((select phone from core.personal where person = caller_person(pg_temp.c())), '+84912345678',
    'a telephone number in its international form');
select is((me_update(pg_temp.c(), null, '{"commune": "99999"}')).body ->> 'code', 'unknown-commune',
    'a commune must exist');
select is((me_update(pg_temp.c(), '["9.9.9"]', '{"full_name": "B"}')).body ->> 'code', 'precondition-failed',
    'another version is refused');
select is((me_update(pg_temp.c(), jsonb_build_array((select etag from me_get(pg_temp.c()))), '{"full_name": null}')).status,
    200, 'the right version is taken');
select is((select full_name || birth_year from core.personal where person = caller_person(pg_temp.c())), null,
    'null removes a member');
select is((select birth_year from core.personal where person = caller_person(pg_temp.c())), 1990,
    'a missing one stays');
select is((select etag from me_get(pg_temp.c())), (me_update(pg_temp.c(), null, '{"birth_year": 1990}')).etag,
    'changing nothing changes no version');
select is_empty($$select from core.audit_events e where e.details::text ~ 'Nguyễn|912345678'$$,
    'the audit holds no personal data');
select is_empty($$select from core.outbox o where o.payload::text ~ 'Nguyễn|912345678'$$, 'nor does the outbox');

select is((select jsonb_array_length(body::jsonb -> 'items') from consents_list(pg_temp.c(), null, 10)), 1,
    'consents are listed');
select set_config('core.clock_offset', '1 minute', true);
select is((consent_give(pg_temp.c(), pg_temp.n(), false)).status, 201, 'consent can be withdrawn');
select is((select num_nonnulls(full_name, phone, email, address, commune, birth_year)
           from core.personal where person = caller_person(pg_temp.c())), 0, 'and the data go with it');
select results_eq($$select l.body #>> '{items,0,given}', m.body #>> '{items,0,given}', m.body ->> 'next'
      from consents_list(pg_temp.c(), null, 1) l
           cross join lateral consents_list(pg_temp.c(), l.body ->> 'next', 1) m$$,
    $$values ('false', 'true', null::text)$$, 'pages follow each other, the last decision first');

-- The tag changes with all that the answer says, a version only with the account.
create function pg_temp.tag() returns text language sql as $$select etag from me_get(pg_temp.c())$$;
insert into core.officer_grants (person, unit, role, valid_from)
select caller_person(pg_temp.c()), u.id, 'process', core.today() + 1
from core.units u where u.code = 'HN';
create temporary table held as select pg_temp.tag() as tag;
select is(pg_temp.tag(), tag, 'nothing new has the same tag') from held;
select isnt((select etag from me_get(pg_temp.c() || '{"assurance": "verified"}')), tag,
    'a better token has another') from held;
select set_config('core.clock_offset', '1 day 1 minute', true);
select isnt(pg_temp.tag(), tag, 'and a role that has begun') from held;
select is((me_update(pg_temp.c(), jsonb_build_array(tag), '{"language": "vi"}')).status, 200,
    'neither stands in the way of a change') from held;

-- Erasing.
create temporary table before as select caller_person(pg_temp.c()) as id;
insert into core.officer_grants (person, unit, role, valid_from)
select before.id, u.id, 'receive', core.today() from before, core.units u where u.code = 'HN';
select is((me_erase(pg_temp.c())).status, 204, 'an account is erased');
select is((select o.xid = pg_current_xact_id() from before join core.outbox o on o.subject = before.id
           where o.topic || '.' || o.event = 'person.erased'), true, 'and that is told, in the same transaction');
select is_empty('select from core.erasures', 'by whom nobody keeps, when no plugin wants to hear it');
select is((select num_nonnulls(p.issuer, p.subject, l.full_name, l.phone, l.language)
           from before join core.people p using (id) left join core.personal l on l.person = p.id), 0,
    'nothing says any more who it was');
select ok(not officer_may((select id from before), (select id from core.units where code = 'HN'), 'receive'),
    'roles are gone');
select is((me_erase(pg_temp.c())).status, 204, 'erasing again is no error');
select is((select body ->> 'id' from me_get(pg_temp.c())), null, 'the same subject is nobody now');
select is_empty($$select v.* from before, audit_verify(before.id) v$$, 'and the audit chain is whole');

-- Plugins that are to forget somebody have to know whom: the outbox does not say it.
insert into core.plugin_subscriptions values ('p1x', 'person', 'erased', 10, core.now());
select is((me_erase(pg_temp.c('neighbour'))).status, 204, 'who has no account here may have something in a plugin');
select is((select e.subject from core.erasures e join core.outbox o on o.subject = e.person
           where o.topic || '.' || o.event = 'person.erased'), 'test neighbour', 'who that was is kept for it');
select is_empty($$select from core.outbox o where o.payload::text ~ 'neighbour'$$, 'but not in the outbox');
create function erase_person_broken(person uuid) returns void language sql as 'select 1 / 0';
select throws_ok($$select me_erase(pg_temp.c('third'))$$, '22012', null, 'what cannot be erased whole');
select is((select count(*)::int from core.erasures), 1, 'is not told');

select * from finish();
rollback;

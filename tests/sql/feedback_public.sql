-- What the public reads: published texts only, nobody's data, nothing to count.
begin;
select plan(65);
\ir lib/feedback.psql

create temp table t (name text primary key, id uuid);
create function pg_temp.t(name text) returns uuid language sql as $$select t.id from t where t.name = $1$$;
create function pg_temp.read(id uuid) returns json language sql as
    $$select body from feedback_read('{"lang": "vi"}', id)$$;
create function pg_temp.list(q text default null) returns json language sql as
    $$select body from feedback_list('{"lang": "vi"}', null, null, null, null, null, null, q, 100, null)$$;

insert into core.personal (person, full_name, phone, email)
values (pg_temp.p('an'), 'CANARYNAME', '+84900000007', 'canary@example.vn');

-- Before acceptance: the case without its text.
insert into t values ('a', pg_temp.file('{"text": "Ổ gà trước nhà, gọi 0912345678 CANARYTEXT",
    "address": "Số 7 phố CANARYSTREET, gọi 0912345678", "lat": 21.0320678, "long": 105.8504123}'));
select is(pg_temp.read(pg_temp.t('a')) ->> 'state', 'submitted', 'a case is public at once');
select is(pg_temp.read(pg_temp.t('a')) ->> 'text', null, 'without its text');
select is(pg_temp.read(pg_temp.t('a')) ->> 'address', null, 'and address');
select is(json_array_length(pg_temp.list('CANARYTEXT') -> 'items'), 0, 'which search does not find either');
select is(pg_temp.read(pg_temp.t('a')) ->> 'lat', '21.03207', 'the point has five decimals');

select pg_temp.act('hk', pg_temp.t('a'), 'accept');
select is(pg_temp.read(pg_temp.t('a')) ->> 'text', 'Ổ gà trước nhà, gọi [số điện thoại] CANARYTEXT',
    'acceptance publishes the masked text');
select is(pg_temp.read(pg_temp.t('a')) ->> 'address', 'Số 7 phố CANARYSTREET, gọi [số điện thoại]', 'and address');
select is(json_array_length(pg_temp.list('canarytext') -> 'items'), 1, 'and search finds it');

-- An officer gives a better public text.
insert into t values ('b', pg_temp.file('{"text": "Nhà ông CANARYPERSON đổ rác"}'));
select pg_temp.act('hk', pg_temp.t('b'), 'accept', '{"text_public": "Một hộ dân đổ rác, 0912345678"}');
select is(pg_temp.read(pg_temp.t('b')) ->> 'text', 'Một hộ dân đổ rác, [số điện thoại]',
    'an officer''s public text takes its place, masked too');
select pg_temp.act('hk', pg_temp.t('b'), 'transfer');
select pg_temp.act('bd', pg_temp.t('b'), 'accept', '{"text_public": " "}');
select is(pg_temp.read(pg_temp.t('b')) ->> 'text', 'Một hộ dân đổ rác, [số điện thoại]',
    'and is not taken back by a blank one');

-- Where the category blurs the place, no address tells it.
insert into t values ('loud', pg_temp.file('{"category": "noise", "address": "Số 5 ngõ 12"}'));
select pg_temp.act('hk', pg_temp.t('loud'), 'accept');
select is(pg_temp.read(pg_temp.t('loud')) ->> 'address', null, 'a blurred place has no address');
select pg_temp.act('hk', pg_temp.t('loud'), 'change', '{"category": "waste"}');
select is(pg_temp.read(pg_temp.t('loud')) ->> 'address', 'Số 5 ngõ 12', 'until it is an open one');
select pg_temp.act('hk', pg_temp.t('a'), 'change', '{"category": "noise"}');
select is(pg_temp.read(pg_temp.t('a')) ->> 'address', null, 'and the other way round');
select is(json_array_length(pg_temp.list('canarystreet') -> 'items'), 0, 'nor does search find it then');

-- At once, where the category says so.
insert into feedback.publications (category, publish) values ('waste', 'masked');
insert into t values ('w', pg_temp.file('{"category": "waste", "text": "Rác, gọi 0912345678"}'));
select is(pg_temp.read(pg_temp.t('w')) ->> 'text', 'Rác, gọi [số điện thoại]', 'a category may publish masked texts at once');
insert into feedback.publications (category, publish, valid_from) values ('waste', 'accepted', '2026-05-01');
select is(pg_temp.read(pg_temp.file('{"category": "waste"}')) ->> 'text', null, 'and no more by a later decision');

-- Canaries through the whole life of a case.
insert into t values ('life', pg_temp.file('{"text": "CANARY1 đường hỏng"}'));
select pg_temp.act('hk', pg_temp.t('life'), 'accept', '{"text_public": "Đường hỏng"}');
select pg_temp.act('hk', pg_temp.t('life'), 'ask', '{"question": "CANARY2"}');
select pg_temp.act('an', pg_temp.t('life'), 'info', '{"text": "CANARY3"}');
select pg_temp.act('hk', pg_temp.t('life'), 'assign');
select pg_temp.act('hk_worker', pg_temp.t('life'), 'start');
select pg_temp.act('hk_worker', pg_temp.t('life'), 'resolve', '{"answer": "Đã vá, hỏi 0912345678",
    "evidence": [{"text": "Ảnh, 0912345678", "link": "https://kho.example/2"}]}');
select pg_temp.act('an', pg_temp.t('life'), 'rating', '{"score": 2, "comment": "CANARY4", "reasons": ["late"]}');
select pg_temp.act('an', pg_temp.t('life'), 'reopen', '{"reason": "Vẫn hỏng, gọi 0912345678"}');
select is(pg_temp.read(pg_temp.t('life')) ->> 'answer', 'Đã vá, hỏi [số điện thoại]', 'an answer is masked');
select is(pg_temp.read(pg_temp.t('life')) #>> '{evidence,0,text}', 'Ảnh, [số điện thoại]', 'and evidence');

create temp view public_texts as
select 'read' as source, pg_temp.read(t.id)::text as body from t
union all
select 'list', pg_temp.list()::text
union all
select 'search', pg_temp.list('duong hong')::text
union all
select 'history', (select h.body::text from feedback_history('{}', t.id, 100, null) h) from t
union all
select 'workflow', body::text from workflow_get('{}');

select is_empty($$select source from public_texts
    where body ~ 'CANARYNAME|CANARYPERSON|CANARY[1-4]|canary@|900000007|0?912345678'$$,
    'no planted personal datum comes out of any public function');
select is_empty($$select source from public_texts, core.people p where body ~ p.id::text$$, 'nor anybody''s id');
select is_empty($$select source from public_texts
    where body ~ '"(reporter|assignee|author|actor|accepted_by|decided_by|resolved_by)\w*"\s*:'$$, 'nor a member for one');
select is_empty($$select payload from core.outbox where topic = 'feedback'
    and payload::text ~ 'CANARY|canary|900000007|912345678'$$, 'nor out of the outbox');
select is_empty($$select details from core.audit_events where kind = 'feedback'
    and details::text ~ 'CANARY|canary|900000007|912345678'$$, 'nor out of the audit');

-- What the handling unit sees.
select is((select d.body #>> '{reporter,full_name}' from desk_feedback_read(pg_temp.c('hk'), pg_temp.t('life')) d),
    'CANARYNAME', 'the handling unit sees who reported');
insert into t values ('hidden', pg_temp.file('{"category": "wastefulness"}'));
select pg_temp.grant('inspector', 'TTTP', 'receive');
select is((select d.body ->> 'reporter' from desk_feedback_read(pg_temp.c('inspector'), pg_temp.t('hidden')) d),
    null, 'not where the category hides it');
select isnt_empty($$select * from desk_feedback_read(pg_temp.c('inspector'), pg_temp.t('hidden'))$$,
    'though the case is theirs');
create function pg_temp.desk_tag(name text, id uuid) returns text language sql as
    $$select d.etag from desk_feedback_read(pg_temp.c(name), id) d$$;
create temp table told as select pg_temp.desk_tag('inspector', pg_temp.t('hidden')) as tag;
select consent_give(pg_temp.c('an'), '2026-11', true);
select is(pg_temp.desk_tag('inspector', pg_temp.t('hidden')), tag,
    'nor does the tag tell what they do elsewhere') from told;
insert into t values ('hidden2', pg_temp.file('{"category": "wastefulness"}'));
select is((pg_temp.call('inspector', pg_temp.t('hidden2'), 'change', '{"category": "other"}')).body
    ->> 'reporter', null, 'nor by giving it another category');
select is_empty($$select * from desk_feedback_read(pg_temp.c('bd'), pg_temp.t('life'))$$, 'another unit sees nothing');
select is_empty($$select * from desk_feedback_read(pg_temp.c('an'), pg_temp.t('life'))$$, 'nor a citizen');
select is((select m.body ->> 'text' from me_feedback_read(pg_temp.c('an'), pg_temp.t('life')) m),
    'CANARY1 đường hỏng', 'the reporter reads the own words');
select is_empty($$select * from me_feedback_read(pg_temp.c('binh'), pg_temp.t('life'))$$, 'nobody else');
select is((select json_array_length(l.body -> 'items') from me_feedback_list(pg_temp.c('binh'), null, 20, null) l),
    0, 'nor in a list');
select is((select json_array_length(l.body -> 'items') from me_feedback_list(pg_temp.c('nobody'), null, 20, null) l),
    0, 'a caller without an account has no cases');
select is((select l.body ->> 'code' from desk_queue(pg_temp.c('an'), null, null, false, false, 20, null) l),
    'not-an-officer', 'and a citizen no desk');

-- Private categories and withdrawn cases are not there.
select is_empty($$select * from feedback_read('{}', pg_temp.t('hidden'))$$, 'a private case is not there');
select is_empty($$select * from feedback_history('{}', pg_temp.t('hidden'), 20, null)$$, 'nor its history');
select ok(pg_temp.list()::text !~ pg_temp.t('hidden')::text, 'nor in the list');
insert into t values ('gone', pg_temp.case_in('withdrawn'));
select is_empty($$select * from feedback_read('{}', pg_temp.t('gone'))$$, 'nor one that was withdrawn');
insert into t values ('stays', pg_temp.file());
select pg_temp.act('an', pg_temp.t('stays'), 'withdraw', '{"keep_public": true}');
select isnt_empty($$select * from feedback_read('{}', pg_temp.t('stays'))$$, 'unless the citizen lets it stand');

-- A blurred place.
insert into t values ('noise', pg_temp.file('{"category": "noise", "lat": 21.0320678, "long": 105.8504123}'));
insert into t values ('noise2', pg_temp.file('{"category": "noise", "lat": 21.0320579, "long": 105.8504321}'));
select isnt(pg_temp.read(pg_temp.t('noise')) ->> 'lat', '21.03207', 'a category may blur the place');
select is(pg_temp.read(pg_temp.t('noise')) ->> 'lat', pg_temp.read(pg_temp.t('noise2')) ->> 'lat',
    'to squares that lie still');
select cmp_ok(abs((pg_temp.read(pg_temp.t('noise')) ->> 'lat')::float8 - 21.0320678), '<', 0.001::float8, 'near it');

-- Nothing can be counted.
select ok((select bool_and(c.code ~ '^[2-9A-HJKMNP-Z]{8}$') from feedback.cases c), 'codes are random letters and digits');
select is((select count(distinct left(c.id::text, 8)) from feedback.cases c), (select count(*) from feedback.cases),
    'ids have no common part');

-- Erasing the account empties the words and keeps the case.
create temp table held as
    select h.name, t.name as which, pg_temp.desk_tag(h.name, t.id) as tag
    from t join (values ('hk', 'life'), ('inspector', 'hidden')) h (name, which) on h.which = t.name;
insert into t values ('private', pg_temp.case_in('reopened', '{"address": "Số 5"}')),
    ('withdrew', pg_temp.file('{"category": "waste", "address": "Số 6"}'));
insert into t select name, pg_temp.case_in('reopened', '{"address": "Số 8"}') from unnest('{late,old,older}'::text[]) name;
select pg_temp.act('hk', pg_temp.t('private'), 'change', '{"category": "civil_servants"}');
select pg_temp.act('an', pg_temp.t('withdrew'), 'withdraw');
create temp table versions as select t.name, c.version from t join feedback.cases c using (id)
    where t.name in ('private', 'withdrew');
select me_erase(pg_temp.c('an'));
select is((select count(*)::int from feedback.reports r where r.text is not null or r.lat is not null), 0,
    'an erased account leaves no words and no places');
select results_eq($$select t.name, num_nonnulls(c.text_public, c.address_public, c.lat, c.long),
        (select count(m.public)::int from feedback.messages m
         where m.case_id = c.id and m.author = c.reporter_id), c.version = v.version
    from versions v join t using (name) join feedback.cases c using (id) order by 1$$,
    $$values ('private', 0, 0, true), ('withdrew', 0, 0, true)$$,
    'nor what the public would read of a case that it does not see');
select is_empty($$select from feedback.searches s join feedback.cases c on c.id = s.case_id
    where not c.listed and s.words <> ''$$, 'nor its words to search for');
select throws_ok($$update feedback.cases c set text_public = null from t where t.id = c.id and t.name = 'life'$$,
    '23514', null, 'which an erasure takes from no other');
select throws_ok($$update feedback.cases c set severity = 'urgent' from t where t.id = c.id and t.name = 'private'$$,
    '23514', null, 'and nothing else changes that way');
select isnt(pg_temp.desk_tag(h.name, pg_temp.t(which)), tag, 'and what the unit holds of it is out of date: ' || which)
from held h;

-- What the public has read of it stays, as exact as the category allows.
select pg_temp.act('hk', pg_temp.t('loud'), 'change', '{"severity": "complex"}');
select is(pg_temp.read(pg_temp.t('loud')) ->> 'address', 'Số 5 ngõ 12',
    'a public address outlasts an erasure');
select pg_temp.act('hk', pg_temp.t('loud'), 'transfer');
select pg_temp.act('bd', pg_temp.t('loud'), 'accept', '{"text_public": "Rác"}');
select results_eq($$select r ->> 'text', r ->> 'address' from pg_temp.read(pg_temp.t('loud')) r$$,
    $$values ('Rác', 'Số 5 ngõ 12')$$, 'also where an officer says the text better');
select pg_temp.act('bd', pg_temp.t('loud'), 'change', '{"category": "noise"}');
select results_eq($$select r ->> 'address', r ->> 'lat' from pg_temp.read(pg_temp.t('loud')) r$$,
    $$select null, pg_temp.read(pg_temp.t('noise')) ->> 'lat'$$,
    'until another category blurs the place');

-- Of a case that it does not see any more, nothing.
create function pg_temp.kept(name text) returns int[] language sql as $$
    select array[num_nonnulls(c.text_public, c.address_public, c.lat, c.long),
        (select count(m.public)::int from feedback.messages m
         where m.case_id = c.id and m.author = c.reporter_id),
        (select length(s.words) from feedback.searches s where s.case_id = c.id)]
    from feedback.cases c where c.id = pg_temp.t(name) $$;
select ok(0 < all (pg_temp.kept('late')), 'a case that the public has read');
select is((pg_temp.call('hk', pg_temp.t('late'), 'change', '{"category": "civil_servants"}')).body ->> 'text_public',
    null, 'is told without it when it is hidden');
set local role ihanoi_write;      -- whose the transactions are
set constraints all immediate;
reset role;
select is(pg_temp.kept('late'), '{0,0,0}', 'and keeps nothing of who was erased, nor words to search for');

-- Releases of before hide the row, and index what they had read of it.
create function pg_temp.hide(name text) returns void language plpgsql as $$
declare
    had  feedback.cases := pg_temp.case_of(pg_temp.t(name));
begin
    set constraints all deferred;
    update feedback.cases c
    set listed = false, category = 'civil_servants', last_action = 'change', version = c.version + 1
    where c.id = had.id;
    perform feedback_index(had);
end $$;
select pg_temp.hide('old');
set local role ihanoi_write;
set constraints all immediate;
reset role;
select is(pg_temp.kept('old'), '{0,0,0}', 'nor when a release of before has hidden it');
alter table feedback.cases disable trigger cases_unlisted_keep_nothing;
select pg_temp.hide('older');
select ok(0 < all (pg_temp.kept('older')), 'and what they have left behind');
\ir ../../sql/migrations/0108_private_erased_again.sql
reset role;
select is(pg_temp.kept('older'), '{0,0,0}', 'is taken back');
alter table feedback.cases enable trigger cases_unlisted_keep_nothing;

-- A page's tag changes when another page comes behind it, its own items as they were.
create function pg_temp.tags() returns text[] language sql as $$
    select array[(select etag from feedback_history('{}', pg_temp.t('new'), 1, null)),
        (select etag from feedback_list('{}', null, 'culture_advertising', null, null, null, null,
            null, 1, null)),
        (select etag from me_feedback_list(pg_temp.c('chi'), null, 1, null)),
        (select etag from desk_queue(pg_temp.c('bd'), null, null, false, false, 1, null))] $$;
create function pg_temp.more(at text) returns uuid language sql as $$
    select pg_temp.clock(at::timestamptz);
    select ((pg_temp.call('chi', null, 'create', '{"category": "culture_advertising",
        "commune": "00004", "address": "x"}')).body ->> 'id')::uuid $$;
select pg_temp.clock('2026-06-01 09:00+07');
insert into t values ('new', pg_temp.file('{"category": "trees"}'));
select pg_temp.more('2026-06-01 09:01+07');
create temp table tags as select pg_temp.tags() as before;
select pg_temp.act('hk', pg_temp.t('new'), 'accept');
select pg_temp.more('2026-06-01 09:00+07');
select isnt((pg_temp.tags())[u.n], before[u.n], 'the tag of a page behind which another comes: ' || list)
from tags, unnest('{history, list, me, desk}'::text[]) with ordinality u (list, n);

select * from finish();
rollback;

-- Every change leaves an event in the case's chain and an outbox row, in its
-- own transaction, and from the events alone every statistic can be had.
begin;
select plan(25);
\ir lib/feedback.psql

create temp table t (name text primary key, id uuid);
create function pg_temp.t(name text) returns uuid language sql as $$select t.id from t where t.name = $1$$;

insert into t values ('life', pg_temp.case_in('reopened'));
select is((select array_agg(e.event order by e.seq) from core.audit_events e where e.chain = pg_temp.t('life')),
    '{create,accept,assign,start,resolve,reopen}', 'each action is an event of the chain');
select is((select array_agg(o.event order by o.id) from core.outbox o where o.subject = pg_temp.t('life')),
    '{create,accept,assign,start,resolve,reopen}', 'and a row of the outbox');
select is((select count(distinct o.xid)::int from core.outbox o where o.subject = pg_temp.t('life')), 1,
    'written by the transaction of the change');
select is((select array_agg(e.seq order by e.seq) from core.audit_events e where e.chain = pg_temp.t('life')),
    '{1,2,3,4,5,6}', 'numbered without a gap');
select is_empty($$select * from audit_verify(pg_temp.t('life'))$$, 'the chain verifies');
select is((select e.role || ' ' || (e.actor = pg_temp.p('hk'))::text from core.audit_events e
    where e.chain = pg_temp.t('life') and e.seq = 2), 'receive true', 'the event tells who, and as what');
select is((select e.request_id from core.audit_events e where e.chain = pg_temp.t('life') and e.seq = 2), 'r1',
    'and in which request');

-- A refusal leaves nothing.
create temp table before as select count(*) as n from core.audit_events;
select pg_temp.act('hk', pg_temp.t('life'), 'accept');
select is((select count(*) from core.audit_events), (select n from before), 'a refusal leaves no event');

-- A change without its event cannot happen: the same statement, taken back, takes both.
do $$
begin
    perform pg_temp.file();
    raise exception using errcode = 'P9999';
exception when sqlstate 'P9999' then null;
end
$$;
select is((select count(*) from core.audit_events), (select n from before), 'what is rolled back leaves none either');

-- Jobs are put in the same transaction too.
insert into t values ('asked', pg_temp.case_in('needs_info'));
select is((select j.run_at from core.jobs j where j.key = pg_temp.t('asked')::text and j.state = 'due'),
    timestamptz '2026-06-06 09:00+07', 'a question has its time-out');
select pg_temp.act('an', pg_temp.t('asked'), 'info');
select is((select j.state from core.jobs j where j.key = pg_temp.t('asked')::text), 'cancelled', 'the answer takes it back');

-- Statistics from the events: replay gives the table, at any time.
select pg_temp.case_in('transferred'), pg_temp.case_in('rejected'), pg_temp.case_in('closed'),
       pg_temp.case_in('withdrawn'), pg_temp.case_in('scheduled');
create temp view replay as
select distinct on (e.chain) e.chain as id, e.details ->> 'to' as state, e.details ->> 'category' as category,
       e.details ->> 'severity' as severity, e.details ->> 'commune' as commune, e.details ->> 'unit' as unit,
       (e.details ->> 'cycle')::int as cycle, (e.details ->> 'version')::bigint as version,
       (e.details ->> 'due_at')::timestamptz as due_at, (e.details ->> 'due_original_at')::timestamptz as due_original_at,
       (e.details ->> 'unit_due_at')::timestamptz as unit_due_at, (e.details ->> 'created_at')::timestamptz as created_at,
       (e.details ->> 'accepted_at')::timestamptz as accepted_at, (e.details ->> 'receive_due_at')::timestamptz as receive_due_at
from core.audit_events e where e.kind = 'feedback'
order by e.chain, e.seq desc;
select set_eq('select * from replay', $$
    select c.id, c.state, c.category, c.severity, c.commune, c.unit_code, c.cycle, c.version, c.due_at,
           c.due_original_at, c.unit_due_at, c.created_at, c.accepted_at, c.receive_due_at from feedback.cases c$$,
    'the last event of each case is the case');
select is_empty($$
    select from core.audit_events a join core.audit_events b on b.chain = a.chain and b.seq = a.seq + 1
    where a.kind = 'feedback' and a.details ->> 'to' is distinct from b.details ->> 'from'$$,
    'each event begins where the one before ended');
select is((select count(*)::int from core.outbox o join core.audit_events e
        on e.chain = o.subject and e.seq = (o.payload ->> 'seq')::bigint and e.details = o.payload -> 'details'
    where o.topic = 'feedback'), (select count(*)::int from core.audit_events e where e.kind = 'feedback'),
    'the outbox carries the same facts');

-- The history that the public reads.
create function pg_temp.history("limit" int, "cursor" text default null) returns json language sql as
    $$select h.body from feedback_history('{}', pg_temp.t('life'), "limit", "cursor") h$$;
select is((select array_agg(i ->> 'action') from json_array_elements(pg_temp.history(20) -> 'items') i),
    '{create,accept,assign,start,resolve,reopen}', 'the history has every event');
select is(pg_temp.history(20) #>> '{items,4,text}', 'Đã vá mặt đường', 'with the public words');
select is(pg_temp.history(20) ->> 'next', null, 'and ends');
select is((select array_agg(i ->> 'seq') from json_array_elements(
        pg_temp.history(4, pg_temp.history(4) ->> 'next') -> 'items') i), '{5,6}', 'its pages follow one another');
select is(pg_temp.history(4, (select l.body ->> 'next' from feedback_list('{}', null, null, null, null, null, null, null, 1, null) l))
    ->> 'code', 'invalid-cursor', 'with cursors of its own');

-- The desk.
create function pg_temp.queue(name text, a jsonb default '{}', "limit" int default 50, "cursor" text default null)
returns json language sql as
    $$select q.body from desk_queue(pg_temp.c(name), a ->> 'unit', a -> 'state', coalesce((a ->> 'mine')::boolean, false),
        coalesce((a ->> 'overdue')::boolean, false), "limit", "cursor") q$$;
select is((select array_agg((i ->> 'id')::uuid order by n) from json_array_elements(pg_temp.queue('hk') -> 'items') with ordinality x (i, n)),
    (select array_agg(c.id order by c.unit_due_at, c.id) from feedback.cases c
     where c.unit_code = '00070' and c.closed_at is null and c.resolved_at is null),
    'an officer''s desk has what the unit has to do, by its deadline');
select is((select count(*)::int from json_array_elements(pg_temp.queue('city') -> 'items')),
    (select count(*)::int from feedback.cases c where c.closed_at is null and c.resolved_at is null),
    'a city officer''s has all');
select is((select array_agg(distinct i ->> 'assignee') from json_array_elements(pg_temp.queue('hk_worker', '{"mine": true}') -> 'items') i),
    array[pg_temp.p('hk_worker')::text], 'narrowed to what is assigned to the caller');
select is((select count(*)::int from json_array_elements(pg_temp.queue('city', '{"unit": "00004"}') -> 'items')), 1,
    'to a unit');
insert into t values ('late', pg_temp.file()), ('asked before', pg_temp.file());
select pg_temp.act('hk', pg_temp.t('asked before'), 'ask');
select pg_temp.clock('2026-06-02 10:00+07');
select pg_temp.act('hk', pg_temp.t('late'), 'ask');
create function pg_temp.ids(items json, what text) returns text[] language sql as
    $$select array(select i ->> 'id' from json_array_elements(items) with ordinality x (i, n)
                   where what is null or (i ->> what)::boolean order by n)$$;
select is(pg_temp.ids(pg_temp.queue('city', '{"overdue": true}') -> 'items', null),
    pg_temp.ids(pg_temp.queue('city') -> 'items', 'unit_overdue'), 'to what is overdue');
select ok(pg_temp.t('late')::text = any (o.ids) and pg_temp.t('asked before')::text <> all (o.ids),
    'which a question asked too late does not change')
from pg_temp.ids(pg_temp.queue('city', '{"overdue": true}') -> 'items', null) o (ids);

select * from finish();
rollback;

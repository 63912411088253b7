-- The state machine: every move that the data allows works, every other is
-- impossible, through the functions and past them.
begin;
select plan(14);
\ir lib/feedback.psql

create temp table made (state text primary key, id uuid);
insert into made select s.code, pg_temp.case_in(s.code) from feedback.states s;
grant select on made to ihanoi_write;

select is((select count(*) from made), (select count(*) from feedback.states),
    'each state can be reached by what officers and citizens do');
select results_eq($$select m.state, pg_temp.state(m.id) from made m order by 1$$,
    $$select s.code, s.code from feedback.states s order by 1$$,
    'and the cases stand in them');

-- Who a test lets act: somebody who holds every role that an action takes.
create function pg_temp.doer(state text, action text) returns text language sql as $$
    select case
        when action in ('info', 'confirm', 'rating', 'appeal', 'withdraw', 'reopen') then 'an'
        when action in ('approve', 'return', 'extend') then 'hk_boss'
        when action in ('start', 'schedule', 'resolve') then 'hk_worker'
        when state = 'transferred' then 'bd'
        else 'hk' end
$$;

-- Tries an action on a case and takes it back.
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

create temp table matrix as
select s.code as state, a.code as action,
       exists (select from feedback.transitions t
               where t.from_state = s.code and t.action = a.code) as allowed,
       pg_temp.tried(pg_temp.doer(s.code, a.code), m.id, a.code,
           case when a.code = 'transfer' and s.code = 'transferred'
                then '{"unit": "00070"}'
                when a.code = 'change' then '{"severity": "complex"}'
                else '{}' end::jsonb) as outcome
from feedback.states s
     join made m on m.state = s.code
     cross join feedback.actions a
where a.code not in ('create', 'timeout');

select is((select count(*)::int from matrix), 13 * 19, 'every state is tried with every action');

select is_empty($$select * from matrix m
    where m.allowed and not exists (
        select from feedback.transitions t
        where t.from_state = m.state and t.action = m.action
          and t.to_state = m.outcome)
      and not (m.outcome = 'nothing-to-approve' and m.state = 'in_progress'
               and m.action in ('approve', 'return'))$$,
    'an action that the data allows leads where the data says');

select is_empty($$select * from matrix m
    where not m.allowed
      and m.outcome not in ('illegal-transition', 'not-permitted')$$,
    'any other is refused');
select cmp_ok((select count(*)::int from matrix where outcome = 'illegal-transition'),
    '>', 150, 'as an illegal transition');

-- Past the functions: an update by hand, by the writing role and by the owner.
create function pg_temp.forced(id uuid, action text, to_state text) returns boolean
language plpgsql as $$
begin
    update feedback.cases c
    set version = c.version + 1, last_action = action, state = to_state,
        assignee_id = coalesce(c.assignee_id, pg_temp.p('hk_worker')),
        planned_on = coalesce(c.planned_on, core.today()),
        accepted_at = coalesce(c.accepted_at, core.now()),
        due_original_at = coalesce(c.due_original_at, core.now()),
        answer_public = coalesce(c.answer_public, 'x'),
        resolved_at = coalesce(c.resolved_at, core.now()),
        evidence_exempt = true, reason_public = coalesce(c.reason_public, 'x'),
        reason_code = coalesce(c.reason_code, 'other'),
        decided_by = coalesce(c.decided_by, pg_temp.p('hk')),
        started_at = case when to_state <> 'withdrawn' then c.started_at end,
        previous_state = case when to_state = 'needs_info' then c.state end,
        paused_at = case when to_state = 'needs_info' then core.now() end
    where c.id = forced.id;
    raise exception using errcode = 'P9999';
exception
    when sqlstate 'P9999' then return true;
    when check_violation then return false;
end
$$;

create temp table forces as
select f.code as from_state, a.code as action, t.code as to_state,
       exists (select from feedback.transitions x
               where x.from_state = f.code and x.action = a.code
                 and x.to_state = t.code
                 and (f.code <> 'needs_info' or t.code in ('accepted', 'withdrawn')))
           as allowed,
       pg_temp.forced(m.id, a.code, t.code) as happened
from feedback.states f
     join made m on m.state = f.code
     cross join feedback.actions a
     cross join feedback.states t;

select is_empty('select * from forces where happened and not allowed',
    'the trigger lets no illegal move pass, whoever writes');
select is_empty('select * from forces where allowed and not happened',
    'and every legal one');

select throws_ok($$update feedback.cases set version = version + 2, last_action = 'change'
    where id = (select id from made where state = 'accepted')$$,
    '23514', null, 'a version is not skipped');
select throws_ok($$insert into feedback.cases (code, created_at, updated_at, state,
        last_action, category, severity, severity_proposed, reporter_id, commune,
        commune_brief, located_by, unit, unit_code, unit_brief, routed_by,
        receive_due_at, due_at, unit_due_at, clock_started_at, accepted_at, due_original_at)
    select 'ZZZZZZZZ', created_at, updated_at, 'accepted', 'create', category, severity,
        severity_proposed, reporter_id, commune, commune_brief, located_by, unit,
        unit_code, unit_brief, routed_by, receive_due_at, due_at, unit_due_at,
        clock_started_at, created_at, due_at
    from feedback.cases limit 1$$,
    '23514', null, 'no case begins in the middle');

-- What the writing role cannot touch at all.
select ok(not has_table_privilege('ihanoi_write', 'feedback.cases', 'delete')
    and not has_table_privilege('ihanoi_write', 'feedback.reports', 'delete'),
    'nobody deletes a case');
select ok(not has_column_privilege('ihanoi_write', 'feedback.cases', 'created_at', 'update')
    and not has_column_privilege('ihanoi_write', 'feedback.cases', 'reporter_id', 'update')
    and not has_column_privilege('ihanoi_write', 'feedback.cases', 'code', 'update'),
    'nor changes who filed it, when, and its code');
select ok(not has_table_privilege('ihanoi_write', 'feedback.transitions', 'insert')
    and not has_table_privilege('ihanoi_write', 'feedback.transitions', 'update')
    and not has_table_privilege('ihanoi_write', 'feedback.states', 'update'),
    'nor the machine itself');

select is((select jsonb_array_length((body -> 'transitions')::jsonb) from workflow_get('{}')),
    (select count(*)::int from feedback.transitions), 'GET /v1/workflow shows all of it');

select * from finish();
rollback;

-- A lower secondary school with a class, of nobody: for looking at, never in production.
-- Run with the plugin's search_path, in a transaction; each statement has to be one of
-- its own, because one speaks for one person. So it may have been ended halfway and is
-- run again: what cannot be there twice asks first. demo-officer teaches 7A and
-- administers the school, demo-citizen is the guardian of "Học sinh 1".
commit;

-- The plugin's own role sees no student before it has said who asks: what follows is
-- the database's administrator's.
reset session authorization;

create function pg_temp.caller(sub text, scope text default '')
returns jsonb
language sql immutable
as $$
    select jsonb_build_object('iss', 'https://dev.ihanoi.example', 'sub', sub,
                              'operation', 'demo', 'request_id', 'demo',
                              'claims', jsonb_build_object('scope', scope))
$$;

create function pg_temp.student(n int)
returns uuid
language sql stable
as $$
    select s.id from students s where s.school = 'demo-thcs' and s.code = 'HS' || n
$$;

select school_put(pg_temp.caller('demo-office', 'school:office'), 'demo-thcs', 'Trường THCS Trình diễn', 6, 9);
select administrator_put(pg_temp.caller('demo-office', 'school:office'), 'demo-thcs',
                         'https://dev.ihanoi.example', 'demo-officer');
select roster_import(pg_temp.caller('demo-officer'), 'demo-thcs',
                     (select year from years where today() between starts_on and ends_on), 1,
                     'demo', 'https://dev.ihanoi.example', (
    select jsonb_agg(to_jsonb(r) || jsonb_build_object('line', n))
      from (select row_number() over () as n, x.*
              from (select 'class' as kind, '7A' as code, 'Lớp 7A' as name, '7' as grade,
                           null as class, null as birth_date, null as staff, null as subject, null as account
                    union all select 'staff', 'GV1', 'Giáo viên 1', null, null, null, null, null, 'demo-officer'
                    union all select 'student', 'HS' || i, 'Học sinh ' || i, null, '7A',
                                     (date '2014-01-01' + i * 20)::text, null, null, null
                                from generate_series(1, 10) i
                    union all select 'teaching', null, null, null, '7A', null, 'GV1', s, null
                                from unnest(array['', 'toan']) s) x) r));

-- The family's code, and its link by it.
select link_code_put(pg_temp.caller('demo-officer'), pg_temp.student(1), 'guardian', 14,
                     encode(sha256(convert_to('DEMO23456789', 'UTF8')), 'hex'))
 where not exists (select from link_codes where hash = sha256(convert_to('DEMO23456789', 'UTF8')));
select link_ask(pg_temp.caller('demo-citizen'), 'demo-thcs', 'HS1', 'guardian', 10, 10,
                encode(sha256(convert_to('DEMO23456789', 'UTF8')), 'hex'));

select marks_put(pg_temp.caller('demo-officer'), c.id, 'toan', 1, 'tx', (
    select jsonb_agg(jsonb_build_object('student', pg_temp.student(i), 'number', 1,
                                        'value', (5 + i % 6)::text))
      from generate_series(1, 10) i))
  from classes c where c.school = 'demo-thcs';

select leave_ask(pg_temp.caller('demo-citizen'), pg_temp.student(1), today(), today(), 'Cháu bị ốm.')
 where not exists (select from leave_requests l where l.student = pg_temp.student(1));
select leave_decide(pg_temp.caller('demo-officer'), l.id, 'approved')
  from leave_requests l where l.student = pg_temp.student(1);
select attendance_put(pg_temp.caller('demo-officer'), c.id, today(), 'morning', (
    select jsonb_agg(jsonb_build_object('student', pg_temp.student(i),
                                        'state', case when i = 1 then 'absent' else 'present' end))
      from generate_series(1, 10) i))
  from classes c where c.school = 'demo-thcs';

select thread_open(pg_temp.caller('demo-citizen'), pg_temp.student(1), f.id, 'Bài tập về nhà',
                   'Nhờ thầy, cô cho biết bài tập về nhà tuần này của cháu.', 30)
  from staff f
 where f.school = 'demo-thcs' and not exists (select from threads t where t.staff = f.id);

-- A notice is published by the gateway's role alone; this one tells nobody.
insert into notices (school, class, title, text, published_by)
select 'demo-thcs', c.id, 'Họp phụ huynh', '8 giờ thứ Bảy, tại lớp học.', 'https://dev.ihanoi.example demo-officer'
  from classes c
 where c.school = 'demo-thcs' and not exists (select from notices n where n.class = c.id);

begin;

-- Who asked for what, and whose data it opened; and what follows from it: which rows a
-- transaction may see.
--
--     calls   one row for each call of an operation: who, what, when
--     reads   one for each student (or the whole of a school) that the call opened
--
-- A transaction that has no row in calls is nobody's. One that has may put a student
-- into reads if the person of the call has a right to it (0005_isolation.sql), and it is
-- that row, of this very transaction, that lets it see the student's data. So nothing is
-- read that is not written down, whatever a function of sql/ forgets.
--
-- A view looks at tables with its owner's rights, beyond row security; those below are
-- made so that they tell of the person who is asking only. "distinct" keeps a view from
-- being written through.

create table calls (
    id         bigint generated always as identity primary key,
    xact       xid8 not null default pg_current_xact_id(),
    at         timestamptz not null default now(),
    person     text not null,
    office     boolean not null,            -- the token had the school office's scope
    operation  text not null,
    request    text not null,

    -- A transaction speaks for one person. The time is there because numbers of
    -- transactions begin anew when a database is restored elsewhere.
    constraint calls_of_one_person unique (xact, at)
);

create index calls_by_time on calls (at);


create table reads (
    id       bigint generated always as identity primary key,
    call     bigint not null references calls,
    school   text not null references schools,
    student  uuid references students,      -- null: the whole school
    role     text not null,

    constraint reads_role_known check (role in ('guardian', 'student', 'teacher', 'administrator')),
    constraint reads_once unique nulls not distinct (call, school, student, role)
);

create index reads_of_student on reads (student, id);
create index reads_of_school on reads (school, id);


create function audit_is_kept()
returns trigger
language plpgsql
as $$
begin
    raise exception using errcode = 'integrity_constraint_violation',
        constraint = 'audit_is_kept', message = format('%s are kept as they are', tg_table_name);
end
$$;

create trigger kept before update or delete or truncate on calls
    for each statement execute function audit_is_kept();
create trigger kept before update or delete or truncate on reads
    for each statement execute function audit_is_kept();
create trigger kept before update or delete or truncate on marks_past
    for each statement execute function audit_is_kept();
create trigger kept before update or delete or truncate on link_attempts
    for each statement execute function audit_is_kept();


-- The call of this transaction; no row: nobody's.
create view asking as
select distinct c.id as call, c.person, c.office
  from calls c
 where c.xact = pg_current_xact_id_if_assigned() and c.at = now();


-- What it has opened.
create view opened as
select distinct r.student, r.role
  from reads r join asking a on a.call = r.call
 where r.student is not null;

create view opened_schools as
select distinct r.school
  from reads r join asking a on a.call = r.call
 where r.student is null;


-- What the one who is asking is.
create view my_schools as
select distinct s.school
  from administrators s join asking a on a.person = s.person
 where s.valid_from <= today() and (s.valid_to is null or today() < s.valid_to);

create view my_teachings as
select distinct t.school, t.class, t.staff, t.subject
  from teachings t
  join staff s on s.id = t.staff
  join asking a on a.person = s.person
 where t.valid_from <= today() and today() < t.valid_to;


-- Whom the one who is asking has a right to, and as what.
create view my_students as
select l.student, l.school, l.kind as role
  from links l join asking a on a.person = l.person
 where l.state = 'verified' and (l.valid_until is null or today() < l.valid_until)
   and (l.kind = 'guardian' or exists (
           select from class_students m join classes c on c.id = m.class
            where m.student = l.student and c.grade >= account_grade()
              and m.valid_from <= today() and today() < m.valid_to))
union
select m.student, m.school, 'teacher'
  from class_students m join my_teachings t on t.class = m.class
 where m.valid_from <= today() and today() < m.valid_to
union
select s.id, s.school, 'administrator'
  from students s join my_schools m on m.school = s.school;


-- Classes and schools of the students that were opened, and the staff who teach them.
create view opened_classes as
select distinct o.student, o.role, m.class, m.school
  from opened o join class_students m on m.student = o.student
 where m.valid_from <= today() and today() < m.valid_to;

create view opened_homeroom as
select distinct o.student
  from opened_classes o join my_teachings t on t.class = o.class
 where o.role = 'teacher' and t.subject is null;

create view opened_staff as
select distinct t.staff
  from opened_classes c join teachings t on t.class = c.class
 where t.valid_from <= today() and today() < t.valid_to
union
select h.staff
  from opened o join threads h on h.student = o.student;


-- What an administrator has to look at, without a student's data.
create view school_links as
select distinct l.id, l.n, l.school, l.student, l.state, l.asked_until
  from links l join my_schools m on m.school = l.school;


-- Threads, leave and links by their number: whose they are, for those who have a right
-- to the student.
create view my_threads as
select distinct t.id, t.n, t.student, case when t.guardian = a.person then 'guardian' else 'teacher' end as role
  from threads t
  join asking a on true
  join staff s on s.id = t.staff
  join my_students m on m.student = t.student
 where t.guardian = a.person and m.role = 'guardian'
    or s.person = a.person and m.role = 'teacher';

create view my_messages_of_hour as
select distinct m.id
  from messages m join asking a on a.person = m.person
 where m.sent_at > now() - interval '1 hour';

create view my_leave as
select distinct l.id, l.student
  from leave_requests l join my_students m on m.student = l.student;


-- Students of classes, for those who may see the class.
create view my_class_students as
select distinct m.class, m.student, s.role
  from class_students m join my_students s on s.student = m.student
 where s.role in ('teacher', 'administrator')
   and m.valid_from <= today() and today() < m.valid_to;


-- Who asks for a link: the student of the code that was told in this transaction, and
-- what a code of the school's that was told with it is good for.
create view asked_students as
select distinct t.id as attempt, s.id as student
  from link_attempts t
  join asking a on a.person = t.person
  join students s on s.school = t.school and s.code = t.student_code
 where t.xact = pg_current_xact_id_if_assigned() and t.at = now();

create view told_codes as
select distinct t.attempt, c.hash, c.student, c.kind
  from asked_students t
  join link_attempts x on x.id = t.attempt
  join link_codes c on c.hash = x.hash and c.student = t.student
 where c.used_at is null and now() < c.expires_at;

-- Which rows a transaction of the gateway's role may see and write: those of students
-- whom it has opened. What is asked here of asking, opened and my_... is explained in
-- 0004_audit.sql.
--
-- Of several policies for one command any "using" and any "with check" will do, each for
-- itself: so each "with check" says who, too.

alter table calls enable row level security;
create policy mine on calls for select using (
    id in (select a.call from asking a)
    or exists (select from reads r where r.call = calls.id));
create policy now on calls for insert with check (
    xact = pg_current_xact_id_if_assigned() and at = now());

-- Of others' reads: those of a student or a school that was opened; of the whole school
-- those are of each of its students. A student may be opened by a teacher too, who reads
-- no audit.
alter table reads enable row level security;
create policy mine on reads for select using (
    call in (select a.call from asking a)
    or student in (select o.student from opened o where o.role in ('guardian', 'administrator'))
    or student is null
       and school in (select s.school from students s
                       where s.id in (select o.student from opened o
                                       where o.role in ('guardian', 'administrator')))
    or school in (select o.school from opened_schools o));
create policy with_a_right on reads for insert with check (
    call in (select a.call from asking a)
    and (student is not null
             and (student, school, role) in (select m.student, m.school, m.role from my_students m)
         or student is null and role = 'administrator'
             and school in (select m.school from my_schools m)));


alter table administrators enable row level security;
create policy seen on administrators for select using (
    exists (select from asking a where a.office)
    or person in (select a.person from asking a));
create policy appointed on administrators for insert with check (
    exists (select from asking a where a.office));
create policy changed on administrators for update using (
    exists (select from asking a where a.office));


alter table staff enable row level security;
create policy seen on staff for select using (
    id in (select o.staff from opened_staff o)
    or person in (select a.person from asking a)
    or school in (select o.school from opened_schools o));
create policy added on staff for insert with check (
    school in (select o.school from opened_schools o));
create policy changed on staff for update using (
    school in (select o.school from opened_schools o));

alter table students enable row level security;
create policy seen on students for select using (
    id in (select o.student from opened o)
    or school in (select o.school from opened_schools o));
create policy added on students for insert with check (
    school in (select o.school from opened_schools o));
create policy changed on students for update using (
    school in (select o.school from opened_schools o));

alter table class_students enable row level security;
create policy seen on class_students for select using (
    student in (select o.student from opened o)
    or school in (select o.school from opened_schools o));
create policy added on class_students for insert with check (
    school in (select o.school from opened_schools o));
create policy changed on class_students for update using (
    school in (select o.school from opened_schools o));


alter table link_codes enable row level security;
create policy school on link_codes using (
    student in (select o.student from opened o where o.role = 'administrator'));
create policy told on link_codes for select using (
    hash in (select t.hash from told_codes t));
create policy used on link_codes for update
    using (hash in (select t.hash from told_codes t))
    with check (hash in (select t.hash from told_codes t) and used_at = now());

alter table link_attempts enable row level security;
create policy mine on link_attempts for select using (
    person in (select a.person from asking a));
create policy now on link_attempts for insert with check (
    person in (select a.person from asking a)
    and xact = pg_current_xact_id_if_assigned() and at = now());

alter table links enable row level security;
create policy seen on links for select using (
    person in (select a.person from asking a)
    or student in (select o.student from opened o where o.role = 'administrator')
    or student is null and school in (select o.school from opened_schools o));
create policy asked on links for insert with check (
    person in (select a.person from asking a)
    and (state = 'asked' and via = 'request'
             and (student is null or student in (select s.student from asked_students s))
         or state = 'verified' and via = 'code'
             and (student, kind) in (select t.student, t.kind from told_codes t)));
create policy given_up on links for update
    using (person in (select a.person from asking a))
    with check (person in (select a.person from asking a) and state in ('withdrawn', 'expired'));
create policy decided on links for update
    using (student in (select o.student from opened o where o.role = 'administrator')
           or student is null and school in (select o.school from opened_schools o))
    with check (student in (select o.student from opened o where o.role = 'administrator')
                    and state in ('verified', 'refused', 'revoked', 'expired')
                or student is null and school in (select o.school from opened_schools o)
                    and state in ('refused', 'expired'));


-- A teacher sees marks of what he or she teaches, in the homeroom all, and enters those
-- of the subject.
alter table marks enable row level security;
create policy seen on marks for select using (
    student in (select o.student from opened o
                 where o.role in ('guardian', 'student', 'administrator'))
    or student in (select o.student from opened o where o.role = 'teacher')
       and class in (select t.class from my_teachings t
                      where t.subject is null or t.subject = marks.subject));
create policy entered on marks for insert with check (
    student in (select o.student from opened o where o.role = 'teacher')
    and (class, subject) in (select t.class, t.subject from my_teachings t));
create policy changed on marks for update using (
    student in (select o.student from opened o where o.role = 'teacher')
    and (class, subject) in (select t.class, t.subject from my_teachings t));

alter table marks_past enable row level security;
create policy seen on marks_past for select using (
    student in (select o.student from opened o where o.role = 'administrator'));
create policy entered on marks_past for insert with check (
    (class, subject) in (select t.class, t.subject from my_teachings t));

alter table attendance enable row level security;
create policy seen on attendance for select using (
    student in (select o.student from opened o where o.role in ('guardian', 'administrator'))
    or student in (select o.student from opened o where o.role = 'teacher')
       and class in (select t.class from my_teachings t));
create policy entered on attendance for insert with check (
    student in (select o.student from opened o where o.role = 'teacher')
    and class in (select t.class from my_teachings t));
create policy changed on attendance for update using (
    student in (select o.student from opened o where o.role = 'teacher')
    and class in (select t.class from my_teachings t));


alter table notices enable row level security;
create policy seen on notices for select using (
    school in (select m.school from my_schools m)
    or class in (select t.class from my_teachings t)
    or class is null and school in (select t.school from my_teachings t)
    or class in (select o.class from opened_classes o where o.role = 'guardian')
    or class is null and school in (select o.school from opened_classes o where o.role = 'guardian'));
create policy published on notices for insert with check (
    published_by in (select a.person from asking a)
    and (school in (select m.school from my_schools m)
         or class in (select t.class from my_teachings t)));

alter table notice_receipts enable row level security;
create policy seen on notice_receipts for select using (
    student in (select o.student from opened o where o.role in ('teacher', 'administrator'))
    or person in (select a.person from asking a)
       and student in (select o.student from opened o where o.role = 'guardian'));
create policy given on notice_receipts for insert with check (
    person in (select a.person from asking a)
    and student in (select o.student from opened o where o.role = 'guardian'));


-- Letters are their two parties' alone; the school's administrator does not read them.
alter table threads enable row level security;
create policy seen on threads for select using (
    student in (select o.student from opened o)
    and id in (select m.id from my_threads m));
create policy opened on threads for insert with check (
    guardian in (select a.person from asking a)
    and student in (select o.student from opened o where o.role = 'guardian')
    and staff in (select o.staff from opened_staff o));

alter table messages enable row level security;
create policy seen on messages for select using (
    student in (select o.student from opened o)
    and thread in (select m.id from my_threads m));
create policy sent on messages for insert with check (
    person in (select a.person from asking a)
    and (thread, student, from_staff) in (select m.id, m.student, m.role = 'teacher' from my_threads m));

alter table leave_requests enable row level security;
create policy seen on leave_requests for select using (
    student in (select o.student from opened o where o.role in ('guardian', 'teacher', 'administrator')));
create policy asked on leave_requests for insert with check (
    asked_by in (select a.person from asking a) and state = 'asked'
    and student in (select o.student from opened o where o.role = 'guardian'));
create policy withdrawn on leave_requests for update
    using (asked_by in (select a.person from asking a)
           and student in (select o.student from opened o where o.role = 'guardian'))
    with check (asked_by in (select a.person from asking a) and state = 'withdrawn');
create policy decided on leave_requests for update
    using (student in (select o.student from opened o where o.role = 'administrator')
           or student in (select o.student from opened_homeroom o))
    with check ((student in (select o.student from opened o where o.role = 'administrator')
                 or student in (select o.student from opened_homeroom o))
                and state in ('approved', 'refused'));

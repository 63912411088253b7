-- What a city of schools needs to be quick: indexes that begin with what is asked for,
-- and no "or" over tables that grow.

create index class_students_of_year on class_students (school, year) where not ended;
create index teachings_of_year on teachings (school, year) where not ended;
create index reads_of_whole_school on reads (school, id) where student is null;

create or replace view my_threads as
select t.id, t.n, t.student, 'guardian' as role
  from threads t
  join asking a on a.person = t.guardian
  join my_students m on m.student = t.student and m.role = 'guardian'
union
select t.id, t.n, t.student, 'teacher'
  from threads t
  join staff s on s.id = t.staff
  join asking a on a.person = s.person and a.person <> t.guardian
  join my_students m on m.student = t.student and m.role = 'teacher';

-- Who sent a roster is somebody, too.
alter table imports enable row level security;
create policy seen on imports for select using (
    school in (select o.school from opened_schools o));
create policy taken on imports for insert with check (
    school in (select o.school from opened_schools o));

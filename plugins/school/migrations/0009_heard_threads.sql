-- Threads of the one who is asking in which the other one may still read what is written:
-- a guardian whose link stands, a teacher who teaches the student.
create view heard_threads as
select distinct m.id
  from my_threads m
  join threads t on t.id = m.id
 where m.role = 'guardian' and exists (
           select from class_students s
             join teachings x on x.class = s.class and x.staff = t.staff
            where s.student = t.student
              and s.valid_from <= today() and today() < s.valid_to
              and x.valid_from <= today() and today() < x.valid_to)
    or m.role = 'teacher' and exists (
           select from links l
            where l.student = t.student and l.person = t.guardian
              and l.kind = 'guardian' and l.state = 'verified'
              and (l.valid_until is null or today() < l.valid_until));

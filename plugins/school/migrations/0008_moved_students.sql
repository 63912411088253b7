-- A student who moves is written down by the new class from that day on, also where the
-- class before has written already. Days before the move stay that one's.

-- Since when the students who were opened are in a class of the teacher who is asking.
create view opened_since as
select distinct o.student, m.valid_from as since
  from opened o
  join class_students m on m.student = o.student
  join my_teachings t on t.class = m.class
 where o.role = 'teacher' and m.valid_from <= today() and today() < m.valid_to;

create policy seen_since on attendance for select using (
    exists (select from opened_since s
             where s.student = attendance.student and s.since <= attendance.day));
create policy changed_since on attendance for update
    using (exists (select from opened_since s
                    where s.student = attendance.student and s.since <= attendance.day))
    with check (class in (select t.class from my_teachings t)
                and exists (select from opened_since s
                             where s.student = attendance.student and s.since <= attendance.day));

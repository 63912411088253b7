-- What was told to a class, or to the school, while a child was there stays the family's to
-- read when the child has left, as all else that was written; what was told before the child
-- came is theirs, too.

-- The day in Hà Nội of a moment.
create function day_of(at timestamptz)
returns date
language sql stable
as $$
    select (at at time zone 'Asia/Ho_Chi_Minh')::date
$$;

-- Where the children whose guardian is asking are and have been, and until when. Not a class
-- of which a roster has taken them on the day on which it brought them.
create view opened_stays as
select o.student, m.class, m.school, max(m.valid_to) as until
  from opened o join class_students m on m.student = o.student
 where o.role = 'guardian' and m.valid_from <= today() and m.valid_from < m.valid_to
 group by o.student, m.class, m.school;

create policy kept on notices for select using (
    exists (select from opened_stays s
             where s.school = notices.school and (notices.class is null or s.class = notices.class)
               and day_of(notices.published_at) <= s.until));

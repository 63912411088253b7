-- What should never be: seats that are not counted, more of them than there are,
-- waiting and not on a list. Empty when all is well.
create function enrolment_check()
returns table (wrong text, subject text)
language sql stable
as $$
    select 'seats are not counted', p.round || ' ' || p.school
      from places p
     where p.taken <> (select count(*) from applications a where a.round = p.round and a.school = p.school)
        or p.extra < (select count(*) from applications a
                       where a.round = p.round and a.school = p.school and a.extra)
     union all
    select 'more than the quota', p.round || ' ' || p.school
      from places p where p.taken > p.quota + p.extra
     union all
    select 'on a list and not waiting', w.application::text
      from waitlist w join applications a on a.id = w.application
     where a.state <> 'waitlisted'
     union all
    select 'waiting on no list', a.id::text
      from applications a
     where a.state = 'waitlisted'
       and not exists (select from waitlist w where w.application = a.id)
       and not exists (select from appeals p where p.application = a.id and p.settle)
     union all
    select 'its last step is another', a.id::text
      from applications a
     where a.state is distinct from (select s.state from steps s where s.application = a.id
                                      order by s.id desc limit 1)
     union all
    select 'no choices', a.id::text
      from applications a
     where not exists (select from choices c where c.application = a.id)
$$;

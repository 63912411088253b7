-- Holds whose time is over, n at most. What is paid for one later goes back.
create function holds_expire(n int)
returns int
language sql
as $$
    with over as (
        update bookings b set state = 'expired'
          from (select d.id from bookings d
                 where d.state = 'held' and d.hold_until <= now()
                 order by d.hold_until
                 limit n
                   for update skip locked) due
         where b.id = due.id
        returning 1
    )
    select count(*)::int from over
$$;

-- What must never be: a row for each thing that is wrong, none when all is well. The
-- constraints keep each of these; this reads everything.
create function bookings_check()
returns table (wrong text, subject text)
language sql volatile
as $$
    with live as (
        select * from bookings b
         where b.state in ('paid', 'entered')
            or b.state = 'held' and b.hold_until > clock_timestamp()
    )
    select 'more places are sold than there are', u.site || ' ' || u.vehicle || ' ' || b.arrive
      from supplies u
      join live b on b.site = u.site and b.vehicle = u.vehicle
     where (select count(*) from live o
             where o.site = b.site and o.vehicle = b.vehicle
               and o.arrive <= b.arrive and o.leave > b.arrive) > u.bookable

    union all
    select 'a stay was used that nobody has paid', b.id::text
      from bookings b
     where b.state in ('paid', 'entered', 'exited', 'settled') and b.price > 0
       and not exists (select from charges c
                        where c.booking = b.id and c.purpose = 'stay' and c.state = 'paid'
                          and c.amount = b.price
                          and not exists (select from refunds r where r.charge = c.id))

    union all
    select 'a stay was paid that never was', b.id::text
      from bookings b join charges c on c.booking = b.id
     where c.state = 'paid' and c.purpose = 'stay' and b.state in ('held', 'expired')

    union all
    select 'what came for nothing does not go back', c.id::text
      from charges c
     where c.state = 'late'
       and not exists (select from refunds r where r.charge = c.id and r.amount = c.amount)

    union all
    select 'what was due was not had once', b.id::text
      from bookings b
     where b.state = 'settled' and b.due > 0
       and (b.collected is not null)::int
           + (select count(*) from charges c
               where c.booking = b.id and c.purpose = 'overstay' and c.state = 'paid'
                 and c.amount = b.due) <> 1

    union all
    select 'it says refunded, and is not', b.id::text
      from bookings b
     where b.state = 'refunded'
       and not exists (select from refunds r where r.booking = b.id and r.state = 'done')
$$;

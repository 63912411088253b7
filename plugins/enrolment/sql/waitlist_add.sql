-- Puts an application on the waitlists of all schools that consider it, as an
-- allocation has ordered them.
create function waitlist_add(allocation uuid, application uuid)
returns void
language sql
as $$
    insert into waitlist (round, school, application, position, band, tie, ties, lottery, number)
    select a.round, c.school, c.application, c.position, c.band, c.tie, c.ties,
           e.lottery, e.number
      from allocation_choices c
      join allocation_entries e on e.allocation = c.allocation and e.application = c.application
      join allocations a on a.id = c.allocation
     where c.allocation = waitlist_add.allocation and c.application = waitlist_add.application
       and c.band is not null
$$;

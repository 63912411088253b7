-- Who waits stands in the order of what the tie-breakers see. Its number in the order of
-- one allocation, tie, says nothing beside those of another: a review has others in it.
-- An older version still writes and reads tie.

alter table waitlist add column ties numeric[] not null default '{}';

update waitlist w
   set ties = (select c.ties
                 from allocation_choices c
                 join allocations a on a.id = c.allocation
                where a.round = w.round and c.application = w.application
                  and c.school = w.school and c.band is not null
                order by a.computed_at desc nulls last
                limit 1);

drop index waitlist_order;
create index waitlist_order on waitlist (round, school, band, ties, lottery, number);

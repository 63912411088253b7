-- Gives those whose appeals a review is for what it has found: a place beyond the
-- quota, or their place on the waitlists.
create function allocation_settle(a allocations)
returns void
language plpgsql
as $$
declare
    one  record;
begin
    perform seats_lock();

    for one in
        select t.id, t.state, e.school
          from appeals p
          join applications t on t.id = p.application
          join allocation_entries e on e.allocation = a.id and e.application = t.id
         where p.review = a.id and p.settle
         order by e.school, t.id
           for update of t
    loop
        -- upheld again meanwhile, with other facts: the next review's
        continue when one.state <> 'waitlisted'
                      or exists (select from appeals p
                                  where p.application = one.id and p.settle
                                    and p.review is distinct from a.id);

        if one.school is null then
            -- not where other facts had put them
            delete from waitlist w where w.application = one.id;
            perform waitlist_add(a.id, one.id);
        else
            update applications t
               set state = 'offered', school = one.school, extra = true, reason = null,
                   changed_by = 'allocation',
                   offer_until = instant() + make_interval(hours => r.offer_hours)
              from rounds r
             where t.id = one.id and r.id = t.round;
        end if;
    end loop;

    update appeals p set settle = false where p.review = a.id;
    update allocations t set state = 'settled' where t.id = a.id;
end
$$;

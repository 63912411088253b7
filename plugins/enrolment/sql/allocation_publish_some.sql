-- Tells the next 250 applicants what they got; then those that were not verified
-- are refused, and the round is published.
create function allocation_publish_some(a allocations)
returns void
language plpgsql
as $$
declare
    last  text;
begin
    perform seats_lock();

    with page as materialized (
        select e.application, e.number, e.school,
               exists (select from allocation_choices c
                        where c.allocation = e.allocation and c.application = e.application
                          and c.band is not null) as considered
          from allocation_entries e
         where e.allocation = a.id and e.number > a.cursor
         order by e.number
         limit 250),
    told as (
        update applications t
           set state = case when p.school is not null then 'offered'
                            when p.considered then 'waitlisted' else 'refused' end,
               school = p.school,
               offer_until = case when p.school is not null
                                  then instant() + make_interval(hours => r.offer_hours) end,
               reason = case when p.school is null and not p.considered then 'no_band' end,
               changed_by = 'allocation'
          from page p, rounds r
         where t.id = p.application and r.id = a.round and t.state = 'verified'
        returning t.id, t.state),
    -- of those who were told, not those who stood there: one may have been withdrawn since
    listed as (
        select waitlist_add(a.id, t.id) from told t where t.state = 'waitlisted')
    select max(p.number) into last from page p where (select count(*) from listed) >= 0;

    if last is not null then
        update allocations t set cursor = last where t.id = a.id;
        return;
    end if;

    update applications t
       set state = 'refused', reason = 'not_corrected', changed_by = 'allocation'
     where t.id in (select x.id from applications x
                     where x.round = a.round and x.state = 'returned' limit 250)
       and t.state = 'returned';       -- not withdrawn meanwhile

    if not found then
        update allocations t set state = 'published' where t.id = a.id;
        update rounds t set stage = 'published', allocation = a.id where t.id = a.round;
        perform ihanoi_host.publish('enrolment.round_published', a.round,
                                    jsonb_build_object('allocation', a.id));
    end if;
end
$$;

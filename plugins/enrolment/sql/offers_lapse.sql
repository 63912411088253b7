-- Ends offers that were not confirmed in time, n at most: how many.
create function offers_lapse(n int)
returns int
language plpgsql
as $$
declare
    done  int;
begin
    perform seats_lock();
    update applications t
       set state = 'lapsed', school = null, offer_until = null, changed_by = 'job'
     where t.id in (select a.id from applications a
                     where a.state = 'offered' and a.offer_until <= instant()
                     order by a.offer_until limit n
                       for update skip locked);

    get diagnostics done = row_count;
    return done;
end
$$;

-- Lets nobody apply in those rounds of a year that have not begun, until the transaction
-- that changes its rules has ended: who applies does so by rules that do not change. Nor
-- does anybody else change them.
create function rules_lock(year int)
returns void
language plpgsql
as $$
begin
    -- A year may have no round yet.
    perform ihanoi_host.lock('enrolment rules ' || rules_lock.year);
    perform round_lock(r.id, alone => true)
       from (select x.id from rounds x
              where x.year = rules_lock.year and x.opens_at > instant()
              order by x.id) r;
end
$$;

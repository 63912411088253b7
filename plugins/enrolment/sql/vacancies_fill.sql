-- Offers places that have become free to the first of their waitlists, n at most:
-- how many; of several that it is somebody's turn for, the one wished most. Not while an
-- appeal that was upheld is settled: who has appealed may be given the first choice by it,
-- and an offer of another would end the waiting.
create function vacancies_fill(n int)
returns int
language plpgsql
as $$
declare
    done    int := 0;
    p       places%rowtype;
    chosen  uuid;
begin
    perform seats_lock();

    while done < n loop
        select t.* into p
          from places t
          join rounds r on r.id = t.round and r.stage = 'published'
         where t.taken < t.quota + t.extra
           and exists (select from waitlist w where w.round = t.round and w.school = t.school)
           and not exists (select from appeals s join applications x on x.id = s.application
                            where s.settle and x.round = t.round)
         order by t.round, t.school
         limit 1
           for update of t;

        exit when not found;

        select w.application into chosen
          from waitlist w
         where w.round = p.round and w.school = p.school
         order by w.band, w.ties, w.lottery, w.number
         limit 1;

        perform from applications t where t.id = chosen and t.state = 'waitlisted' for update skip locked;
        -- withdrawn, or its appeal upheld, right now: the next run
        exit when not found
               or exists (select from appeals s where s.application = chosen and s.settle);

        select q.* into p
          from waitlist w
          join places q on q.round = w.round and q.school = w.school
         where w.application = chosen
           and (select count(*) from waitlist x
                 where x.round = w.round and x.school = w.school
                   and (x.band, x.ties, x.lottery, x.number) < (w.band, w.ties, w.lottery, w.number))
               < q.quota + q.extra - q.taken
         order by w.position
         limit 1
           for update of q;

        update applications t
           set state = 'offered', school = p.school, reason = null, changed_by = 'job',
               offer_until = instant() + make_interval(hours => r.offer_hours)
          from rounds r
         where t.id = chosen and r.id = t.round;
        done := done + 1;
    end loop;

    return done;
end
$$;

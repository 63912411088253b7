-- Offers places that have become free to those who wait for them, n at most: how many. By
-- the rule of the allocation among those who wait: everybody asks at one school with free
-- places after the other, the one wished most first, and goes on where as many as there are
-- places ask and come before. Not while an appeal that was upheld is settled: who has
-- appealed may be given the first choice by it, and an offer of another would end the
-- waiting.
create function vacancies_fill(n int)
returns int
language plpgsql
as $$
declare
    r       rounds%rowtype;
    lists   waitlist[];
    kept    waitlist[];
    offers  waitlist[];
    many    int;
    done    int := 0;
begin
    perform seats_lock();

    for r in
        select t.* from rounds t
         where t.stage = 'published'
           and exists (select from places p
                         join waitlist w on w.round = p.round and w.school = p.school
                        where p.round = t.id and p.taken < p.quota + p.extra)
           and not exists (select from appeals s join applications x on x.id = s.application
                            where s.settle and x.round = t.id)
         order by t.id
    loop
        kept := array(select w
                        from places p
                        join waitlist w on w.round = p.round and w.school = p.school
                       where p.round = r.id and p.taken < p.quota + p.extra);

        loop
            lists := kept;
            kept := array(
                select b.w
                  from (select a.w, count(*) filter (where a.asks)
                                    over (partition by (a.w).school
                                          order by (a.w).band, (a.w).ties, (a.w).lottery, (a.w).number
                                          rows between unbounded preceding and 1 preceding) as before
                          from (select w, w.position = min(w.position) over (partition by w.application) as asks
                                  from unnest(lists) w) a) b
                  join places p on p.round = (b.w).round and p.school = (b.w).school
                 where b.before < p.quota + p.extra - p.taken);
            exit when cardinality(kept) = cardinality(lists);
        end loop;

        -- Whoever has been sent on by nobody first: without them the others get the same.
        offers := array(
            select o.w
              from (select distinct on (w.application) w from unnest(kept) w
                     order by w.application, w.position) o
             order by exists (select from waitlist x
                                join places p on p.round = x.round and p.school = x.school
                               where x.application = (o.w).application and x.position < (o.w).position
                                 and p.taken < p.quota + p.extra),
                      (o.w).number
             limit n - done);

        perform from applications t
          where t.id in (select o.application from unnest(offers) o) and t.state = 'waitlisted'
          order by t.id
            for update skip locked;
        get diagnostics many = row_count;

        -- withdrawn, or its appeal upheld, right now: the next run
        continue when many < cardinality(offers)
                      or exists (select from unnest(offers) o
                                   join appeals s on s.application = o.application and s.settle);

        update applications t
           set state = 'offered', school = o.school, reason = null, changed_by = 'job',
               offer_until = instant() + make_interval(hours => r.offer_hours)
          from unnest(offers) o
         where t.id = o.application;
        done := done + many;
        exit when done >= n;
    end loop;

    return done;
end
$$;

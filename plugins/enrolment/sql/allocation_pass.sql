-- One pass: schools that more have proposed to than they have places, 200 at a time,
-- keep the best and reject the rest, who then propose to the next of their choices that
-- has not rejected their rank already. The order of schools and passes changes nothing
-- in the result. No such school: done.
create function allocation_pass(a allocations)
returns void
language plpgsql
as $$
declare
    over  text[];
begin
    select array_agg(x.school) into over
      from (select s.school from allocation_schools s
             where s.allocation = a.id and s.proposals > s.quota
             order by s.school limit 200) x;

    if over is null then
        update allocations t set state = 'results', cursor = '' where t.id = a.id;
        return;
    end if;

    update allocation_schools s
       set proposals = s.quota,
           cutoff = case when s.quota = 0 then 0 else
                    (select e.rank from allocation_entries e
                      where e.allocation = a.id and e.school = s.school
                      order by e.rank offset s.quota - 1 limit 1) end
     where s.allocation = a.id and s.school = any (over);

    with rejected as (
        select e.application, n.position, n.school, n.rank
          from allocation_schools s
          join allocation_entries e on e.allocation = s.allocation and e.school = s.school
                                   and e.rank > s.cutoff
          left join lateral (
                select c.position, c.school, c.rank
                  from allocation_choices c
                  join allocation_schools x on x.allocation = c.allocation and x.school = c.school
                 where c.allocation = e.allocation and c.application = e.application
                   and c.position > e.position and c.band is not null
                   and (x.cutoff is null or c.rank <= x.cutoff)
                 order by c.position limit 1) n on true
         where s.allocation = a.id and s.school = any (over)),
    moved as (
        update allocation_entries e
           set position = j.position, school = j.school, rank = j.rank
          from rejected j
         where e.allocation = a.id and e.application = j.application
        returning e.school)
    update allocation_schools s
       set proposals = s.proposals + m.n
      from (select m.school, count(*) as n from moved m where m.school is not null group by m.school) m
     where s.allocation = a.id and s.school = m.school;

    update allocations t set passes = t.passes + 1 where t.id = a.id;
end
$$;

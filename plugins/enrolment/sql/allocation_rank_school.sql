-- Puts all who have chosen one school into its order: band, tie-breakers, lottery;
-- the number decides between equal hashes, which nobody will see.
create function allocation_rank_school(a allocations)
returns void
language plpgsql
as $$
declare
    which  text;
begin
    select s.school into which from allocation_schools s
     where s.allocation = a.id and not s.ranked
     order by s.school limit 1;

    if not found then
        update allocations t set state = 'digest', cursor = '' where t.id = a.id;
        return;
    end if;

    with ranked as (
        select c.application, c.position,
               dense_rank() over (partition by c.band order by c.ties) as tie,
               row_number() over (order by c.band, c.ties, e.lottery, e.number) as rank
          from allocation_choices c
          join allocation_entries e on e.allocation = c.allocation and e.application = c.application
         where c.allocation = a.id and c.school = which and c.band is not null)
    update allocation_choices c
       set tie = x.tie, rank = x.rank
      from ranked x
     where c.allocation = a.id and c.application = x.application and c.position = x.position;

    update allocation_entries e
       set rank = c.rank
      from allocation_choices c
     where c.allocation = a.id and c.school = which
       and e.allocation = a.id and e.application = c.application and e.position = c.position;

    update allocation_schools s
       set ranked = true,
           proposals = (select count(*) from allocation_entries e
                         where e.allocation = a.id and e.school = which)
     where s.allocation = a.id and s.school = which;
end
$$;

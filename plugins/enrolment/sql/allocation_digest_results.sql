-- The next page of a thousand lines of the results' digest; at the end the last one
-- that each school admits. A review is settled by it.
create function allocation_digest_results(a allocations)
returns void
language plpgsql
as $$
declare
    digest  text := case a.cursor when '' then a.inputs_digest else a.results_digest end;
    page    text;
    last    text;
begin
    select string_agg(x.number || '|' || coalesce(x.school || '|' || x.position, '-') || E'\n',
                      '' order by x.number), max(x.number)
      into page, last
      from (select e.number, e.school, e.position
              from allocation_entries e
             where e.allocation = a.id and e.number > a.cursor
             order by e.number
             limit 1000) x;

    if page is not null then
        update allocations t
           set cursor = last, results_digest = encode(sha256(convert_to(digest || E'\n' || page, 'UTF8')), 'hex')
         where t.id = a.id;
        return;
    end if;

    -- ranks are a school's own, so one of them is one choice
    update allocation_schools s
       set last_rank = c.rank,
           last_band = (select x.band from allocation_choices x
                         where x.allocation = a.id and x.school = s.school and x.rank = c.rank)
      from (select e.school, max(e.rank) as rank from allocation_entries e
             where e.allocation = a.id and e.school is not null
             group by e.school) c
     where s.allocation = a.id and s.school = c.school;

    update allocations t
       set state = 'computed', cursor = '', results_digest = digest, computed_at = instant()
     where t.id = a.id;

    if a.kind = 'review' then
        perform allocation_settle(a);
    end if;
end
$$;

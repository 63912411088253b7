-- The next page of a thousand lines of the inputs' digest, which README describes
-- for those who compute it too.
create function allocation_digest_inputs(a allocations)
returns void
language plpgsql
as $$
declare
    digest  text := a.inputs_digest;
    page    text;
    last    text;
begin
    if a.cursor = '' then
        select encode(sha256(convert_to('round=' || r.id || E'\nseed_hash=' || r.seed_hash
                   || E'\nseed=' || r.seed || E'\n'
                   || coalesce((select string_agg(s.school || '=' || s.quota || E'\n', '' order by s.school collate "C")
                                  from allocation_schools s where s.allocation = a.id), ''), 'UTF8')), 'hex')
          into digest from rounds r where r.id = a.round;
    end if;

    -- The thousand first, then their lines: the planner does not know how many there are.
    with thousand as materialized (
        select e.application, e.number
          from allocation_entries e
         where e.allocation = a.id and e.number > a.cursor
         order by e.number
         limit 1000)
    select string_agg(e.number || coalesce((
                select string_agg('|' || c.school || ':' || coalesce(c.band || ':' || c.tie, '-'),
                                  '' order by c.position)
                  from allocation_choices c
                 where c.allocation = a.id and c.application = e.application), '') || E'\n',
                      '' order by e.number), max(e.number)
      into page, last
      from thousand e;

    if page is null then
        update allocations t set state = 'matching', cursor = '', inputs_digest = digest where t.id = a.id;
    else
        update allocations t
           set cursor = last, inputs_digest = encode(sha256(convert_to(digest || E'\n' || page, 'UTF8')), 'hex')
         where t.id = a.id;
    end if;
end
$$;

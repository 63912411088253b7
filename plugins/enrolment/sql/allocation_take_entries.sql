-- Takes the next 250 applications into an allocation: their choices with the band
-- and what the tie-breakers see. A review takes those that were published as they
-- were then, and anew those whose appeals it is for.
create function allocation_take_entries(a allocations)
returns void
language plpgsql
as $$
declare
    r      rounds%rowtype;
    after  uuid := coalesce(nullif(a.cursor, ''), '00000000-0000-0000-0000-000000000000')::uuid;
    ids    uuid[];
    anew   uuid[];
begin
    select * into r from rounds t where t.id = a.round;

    if a.cursor = '' then
        insert into allocation_schools (allocation, school, quota)
        select a.id, p.school, p.quota from places p where p.round = a.round
        on conflict do nothing;
    end if;

    if a.kind = 'main' then
        select array_agg(x.id order by x.id) into ids
          from (select t.id from applications t
                 where t.round = a.round and t.state = 'verified' and t.id > after
                 order by t.id limit 250) x;
        anew := ids;
    else
        select array_agg(x.id order by x.id) into ids
          from (select e.application as id from allocation_entries e
                 where e.allocation = r.allocation and e.application > after
                 union
                select p.application from appeals p
                 where p.review = a.id and p.application > after
                 order by 1 limit 250) x;
        select coalesce(array_agg(p.application), '{}') into anew
          from appeals p where p.review = a.id and p.application = any (ids);

        insert into allocation_choices (allocation, application, position, school, band, ties)
        select a.id, c.application, c.position, c.school, c.band, c.ties
          from allocation_choices c
         where c.allocation = r.allocation and c.application = any (ids)
           and c.application <> all (anew);
    end if;

    if ids is null then
        update allocations t set state = 'ranks', cursor = '' where t.id = a.id;
        return;
    end if;

    insert into allocation_choices (allocation, application, position, school, band, ties)
    select a.id, t.id, c.position, c.school, band_of(r.year, r.level, f.facts),
           ties_of(r.year, r.level, f.facts)
      from applications t
      join choices c on c.application = t.id
     cross join lateral (select facts_at(r, t.facts, t.ward, t.street, c.school) as facts) f
     where t.id = any (anew);

    insert into allocation_entries (allocation, application, number, lottery, position, school)
    select a.id, t.id, t.number, encode(sha256((r.seed || '|' || t.number)::bytea), 'hex'),
           c.position, c.school
      from applications t
      left join lateral (select x.position, x.school from allocation_choices x
                          where x.allocation = a.id and x.application = t.id and x.band is not null
                          order by x.position limit 1) c on true
     where t.id = any (ids);

    update allocations t
       set cursor = ids[cardinality(ids)]::text, applications = t.applications + cardinality(ids)
     where t.id = a.id;
end
$$;

-- GET /v1/enrolment/rounds/{id}/inputs: what an allocation was computed from, and
-- once it is published what came out, without anybody's name: by number. Of a
-- round that has none yet: 404.
create function input_list(caller jsonb, id uuid, cursor text, "limit" int)
returns table (status int, etag text, body json)
language sql stable
as $$
    with shown as (
        select a.id, r.stage, r.id as round, r.seed, r.seed_hash, a.inputs_digest, a.results_digest, a.applications
          from rounds r
          join allocations a on a.round = r.id and a.kind = 'main' and a.computed_at is not null
         where r.id = input_list.id and a.id = coalesce(r.allocation, a.id)
         order by a.requested_at desc
         limit 1),
    page as (
        select e.application, e.number, e.school, row_number() over (order by e.number) as n
          from allocation_entries e
         where e.allocation = (select s.id from shown s) and e.number > coalesce(split_part(input_list.cursor, '.', 2), '')
         order by e.number
         limit "limit" + 1)
    select 200, null::text, json_build_object('round', s.round, 'allocation', s.id,
        'published', s.stage = 'published', 'seed_hash', s.seed_hash, 'seed', s.seed,
        'applications', s.applications, 'inputs_digest', s.inputs_digest,
        'results_digest', case when s.stage = 'published' then s.results_digest end,
        'schools', case when input_list.cursor is null then
            (select coalesce(json_agg(json_build_object('school', x.school, 'quota', x.quota) order by x.school), '[]')
               from allocation_schools x where x.allocation = s.id) end,
        'items', coalesce((select json_agg(json_build_object('number', p.number,
                    'choices', coalesce((select json_agg(json_build_object('school', c.school, 'band', c.band,
                                         'tie', c.tie) order by c.position)
                                  from allocation_choices c
                                 where c.allocation = s.id and c.application = p.application), '[]'),
                    'result', case when s.stage = 'published' then p.school end) order by p.n)
                    from page p where p.n <= "limit"), '[]'),
        'next', (select 'input.' || p.number from page p where p.n = "limit"
                    and exists (select from page x where x.n > "limit")))
      from shown s
$$;

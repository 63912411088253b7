-- GET /v1/enrolment/rounds/{id}: all that somebody has to know who applies, and
-- the promise of a seed.
create function round_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, json_build_object('id', r.id, 'year', r.year, 'level', r.level,
        'title', r.title, 'title_en', r.title_en, 'state', round_state(r), 'now', instant(),
        'opens_at', r.opens_at, 'closes_at', r.closes_at,
        'born_from', r.born_from, 'born_until', r.born_until, 'zone_day', r.zone_day,
        'max_choices', r.max_choices, 'offer_hours', r.offer_hours,
        'seed_hash', r.seed_hash, 'seed', r.seed,
        'rules', rules_document(r.year, r.level),
        'schools', (select count(*) from places p where p.round = r.id),
        'quota', (select coalesce(sum(p.quota), 0) from places p where p.round = r.id))
      from rounds r
     where r.id = round_read.id
$$;

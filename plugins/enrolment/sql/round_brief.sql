-- A round as lists show it.
create function round_brief(r rounds)
returns json
language sql stable
as $$
    select json_build_object('id', r.id, 'year', r.year, 'level', r.level, 'title', r.title,
        'title_en', r.title_en, 'state', round_state(r), 'opens_at', r.opens_at, 'closes_at', r.closes_at,
        'now', instant())
$$;

-- GET /v1/school/subjects: how each subject is marked in a grade of a year.
create function regime_list(caller jsonb, grade int, year int)
returns table (status int, etag text, body json)
language plpgsql
as $$
begin
    perform ask(caller);

    return query
    select 200, null::text, json_build_object('items', coalesce(json_agg(json_build_object(
               'subject', s.code, 'name', json_build_object('vi', s.vi, 'en', s.en),
               'scale', r.scale, 'least', r.least, 'most', r.most, 'step', r.step,
               'levels', (select json_agg(json_build_object('value', l.level,
                              'name', json_build_object('vi', l.vi, 'en', l.en)) order by l.level)
                            from regime_levels l where l.regime = r.code),
               'kinds', (select json_agg(json_build_object('kind', k.kind, 'many', k.many,
                              'name', json_build_object('vi', k.vi, 'en', k.en)) order by k.kind)
                           from regime_kinds k where k.regime = r.code))
               order by s.code), '[]'))
      from subjects s
      join regimes r on r.code = regime_of(s.code, regime_list.grade, regime_list.year);
end
$$;

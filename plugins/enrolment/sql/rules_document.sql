-- The rules of a year and level, as people read them and as programs do.
create function rules_document(year int, level text)
returns json
language sql stable
as $$
    select json_build_object(
        'facts', coalesce((select json_agg(json_strip_nulls(json_build_object('code', f.code,
                               'kind', f.kind, 'title', f.title, 'options', f.options)) order by f.code)
                    from facts f where f.year = rules_document.year), '[]'),
        'bands', coalesce((select json_agg(json_build_object('position', b.position,
                               'title', b.title, 'holds', b.holds::text) order by b.position)
                    from bands b where b.year = rules_document.year and b.level = rules_document.level), '[]'),
        'tie_breaks', coalesce((select json_agg(json_build_object('fact', t.fact,
                               'descending', t.descending) order by t.position)
                    from tie_breaks t where t.year = rules_document.year and t.level = rules_document.level), '[]'))
$$;

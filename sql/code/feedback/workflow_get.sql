-- GET /v1/workflow: the state machine, as the database holds and enforces it.
create function workflow_get(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, md5(b.body::text), b.body
    from (
        select json_build_object(
            'states', (
                select json_agg(json_build_object(
                           'code', s.code, 'kind', s.kind, 'listed', s.listed,
                           'name', json_build_object('vi', s.name_vi, 'en', s.name_en))
                           order by s.position)
                from feedback.states s),
            'actions', (
                select json_agg(json_build_object(
                           'code', a.code,
                           'name', json_build_object('vi', a.name_vi, 'en', a.name_en))
                           order by a.position)
                from feedback.actions a),
            'transitions', (
                select json_agg(json_build_object(
                           'from', t.from_state, 'action', t.action,
                           'to', t.to_state, 'who', t.who,
                           'requires', t.requires, 'clock', t.clock)
                           order by f.position, a.position, d.position)
                from feedback.transitions t
                     join feedback.states f on f.code = t.from_state
                     join feedback.states d on d.code = t.to_state
                     join feedback.actions a on a.code = t.action)) as body
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

-- The event of a change: every statistic, for any past date, can be computed
-- from these alone, so each carries where the case went and
-- came from, what it is, who has it, and all its deadlines. No words of
-- anybody's and no place but the commune. Returns its number in the chain.
create function feedback_record(caller jsonb, old feedback.cases,
    c feedback.cases, person uuid, role text, extra jsonb)
returns bigint
language sql volatile
as $$
    select event_record(caller, person, 'feedback', c.id, c.last_action,
        c.unit, role, jsonb_strip_nulls(jsonb_build_object(
            'from', old.state, 'to', c.state, 'version', c.version,
            'cycle', c.cycle, 'category', c.category, 'severity', c.severity,
            'commune', c.commune, 'unit', c.unit_code,
            'from_unit', nullif(old.unit_code, c.unit_code),
            'routed_by', c.routed_by, 'channel', c.channel,
            'listed', c.listed, 'assignee', c.assignee_id,
            'created_at', c.created_at, 'accepted_at', c.accepted_at,
            'receive_due_at', c.receive_due_at, 'due_at', c.due_at,
            'due_original_at', c.due_original_at,
            'unit_due_at', c.unit_due_at, 'paused_at', c.paused_at)
            || coalesce(extra, '{}')))
$$;

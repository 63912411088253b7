-- A link as who has asked sees it: what was told, what the school says, and nothing of a
-- student until it is verified.
create function link_document(l links)
returns json
language sql stable
as $$
    select json_build_object(
        'id', l.id, 'school', l.school, 'student_code', l.student_code, 'kind', l.kind,
        'state', link_state(l.state, l.asked_until, l.valid_until),
        'student', case when link_state(l.state, l.asked_until, l.valid_until) = 'verified' then l.student end,
        'asked_at', l.asked_at, 'reason', l.reason, 'valid_until', l.valid_until)
$$;

-- A link as who has asked sees it: what was told, what the school says, and nothing of a
-- student until it is verified.
create function link_document(l links)
returns json
language sql stable
as $$
    select json_build_object(
        'id', l.id, 'school', l.school, 'student_code', l.student_code, 'kind', l.kind,
        'state', case when l.state = 'asked' and l.asked_until <= now()
                        or l.state = 'verified' and l.valid_until <= today()
                      then 'expired' else l.state end,
        'student', case when l.state = 'verified' then l.student end,
        'asked_at', l.asked_at, 'reason', l.reason, 'valid_until', l.valid_until)
$$;

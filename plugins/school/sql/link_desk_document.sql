-- A link as the school's administrator sees it.
create function link_desk_document(l links)
returns json
language sql stable
as $$
    select json_build_object(
        'id', l.id, 'person', l.person, 'kind', l.kind, 'student_code', l.student_code,
        'student', l.student, 'student_name', (select s.name from students s where s.id = l.student),
        'via', l.via,
        'state', link_state(l.state, l.asked_until, l.valid_until),
        'asked_at', l.asked_at, 'decided_at', l.decided_at, 'decided_by', l.decided_by,
        'reason', l.reason, 'valid_until', l.valid_until)
$$;

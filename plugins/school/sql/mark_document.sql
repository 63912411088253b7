-- A mark as lists show it.
create function mark_document(m marks, year int)
returns json
language sql stable
as $$
    select json_build_object(
        'student', m.student, 'class', m.class, 'year', year, 'term', m.term,
        'subject', m.subject, 'kind', m.kind, 'number', m.number, 'value', m.value,
        'entered_at', m.entered_at)
$$;

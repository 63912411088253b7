-- A thread as its parties see it in a list.
create function thread_document(t threads)
returns json
language sql stable
as $$
    select json_build_object(
        'id', t.id, 'student', t.student, 'staff', t.staff,
        'staff_name', (select f.name from staff f where f.id = t.staff),
        'title', t.title, 'opened_at', t.opened_at,
        'messages', (select count(*) from messages m where m.thread = t.id),
        'last_at', (select max(m.sent_at) from messages m where m.thread = t.id))
$$;

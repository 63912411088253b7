-- A notice. read_at: when the one who is asking has read it, of a student.
create function notice_document(n notices, read_at timestamptz default null)
returns json
language sql stable
as $$
    select json_build_object('id', n.id, 'school', n.school, 'class', n.class, 'title', n.title,
                             'text', n.text, 'published_at', n.published_at, 'read_at', read_at)
$$;

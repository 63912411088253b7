-- A message: which party wrote it, not which account.
create function message_document(m messages)
returns json
language sql stable
as $$
    select json_build_object('id', m.id::text, 'from', case when m.from_staff then 'teacher' else 'guardian' end,
                             'text', m.text, 'sent_at', m.sent_at)
$$;

-- POST /v1/school/threads/{thread}/messages: by its guardian or its teacher, as long as
-- each has a right to the student. The same key is the same message.
create function message_send(caller jsonb, thread uuid, text text, an_hour int,
                             key text default null)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    mine  my_threads%rowtype;
    sent  messages%rowtype;
begin
    perform ask(caller);
    select * into mine from my_threads t where t.id = message_send.thread;

    if mine.id is null or not open_student(mine.student, array[mine.role]) then
        return null;
    end if;

    select m.* into sent from messages m join asking a on a.person = m.person
     where m.key = message_send.key;

    if found then
        if (sent.thread, sent.text) <> (mine.id, message_send.text) then
            perform refuse('idempotency-key-reused');
        end if;

        return message_document(sent);
    end if;

    -- nobody writes to who reads it no more
    if not exists (select from heard_threads h where h.id = mine.id) then
        perform refuse('thread-over');
    end if;

    perform message_limit(an_hour);

    insert into messages (thread, student, person, from_staff, text, key)
    select mine.id, mine.student, a.person, mine.role = 'teacher', message_send.text,
           message_send.key
      from asking a
    on conflict do nothing;

    if not found then           -- the key's is of another student, so out of sight
        perform refuse('idempotency-key-reused');
    end if;

    -- Messages of one person are written one after the other (message_limit), but the other
    -- one of the thread may have written by now.
    return (select message_document(m) from messages m join asking a on a.person = m.person
             where m.thread = mine.id order by m.id desc limit 1);
end
$$;

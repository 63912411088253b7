-- POST /v1/school/threads/{thread}/messages: by its guardian or its teacher, as long as
-- each has a right to the student.
create function message_send(caller jsonb, thread uuid, text text, an_hour int)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    mine  my_threads%rowtype;
begin
    perform ask(caller);
    select * into mine from my_threads t where t.id = message_send.thread;

    if mine.id is null or not open_student(mine.student, array[mine.role]) then
        return null;
    end if;

    -- nobody writes to who reads it no more
    if not exists (select from heard_threads h where h.id = mine.id) then
        perform refuse('thread-over');
    end if;

    perform message_limit(an_hour);

    insert into messages (thread, student, person, from_staff, text)
    select mine.id, mine.student, a.person, mine.role = 'teacher', message_send.text from asking a;

    return (select message_document(m) from messages m
             where m.thread = mine.id order by m.id desc limit 1);
end
$$;

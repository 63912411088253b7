-- POST /v1/school/students/{student}/threads: a guardian writes to one who teaches the
-- student. The same key is the same thread.
create function thread_open(caller jsonb, student uuid, staff uuid, title text, text text,
                            an_hour int, key text default null)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    t  threads%rowtype;
begin
    perform ask(caller);

    if not open_student(student, array['guardian']) then
        return null;
    end if;

    select x.* into t from threads x join asking a on a.person = x.guardian
     where x.key = thread_open.key;

    if found then
        if (t.student, t.staff, t.title) <> (thread_open.student, thread_open.staff, thread_open.title)
           or thread_open.text <> (select m.text from messages m where m.thread = t.id
                                    order by m.id limit 1)
        then
            perform refuse('idempotency-key-reused');
        end if;

        return thread_document(t);
    end if;

    if not exists (select from opened_classes o join teachings x on x.class = o.class
                    where o.student = thread_open.student and x.staff = thread_open.staff
                      and x.valid_from <= today() and today() < x.valid_to)
    then
        perform refuse('teacher-not-of-student');
    end if;

    perform message_limit(an_hour);

    insert into threads (student, guardian, staff, title, key)
    select thread_open.student, a.person, thread_open.staff, thread_open.title, thread_open.key
      from asking a
    on conflict do nothing;

    if not found then           -- the key's is of another student, so out of sight
        perform refuse('idempotency-key-reused');
    end if;

    select x.* into strict t from threads x
     where x.student = thread_open.student
       and x.id in (select m.id from my_threads m where m.role = 'guardian')
     order by x.n desc limit 1;

    insert into messages (thread, student, person, from_staff, text)
    select t.id, t.student, a.person, false, thread_open.text from asking a;

    return thread_document(t);
end
$$;

-- POST /v1/school/classes/{class}/notices by a teacher of the class or the school's
-- administrator, POST /v1/school/schools/{school}/notices by the latter. The event of it
-- says that there is one, not what it says. The same key is the same notice.
create function notice_publish(caller jsonb, title text, text text, class uuid default null,
                               school text default null, key text default null)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    of  text := notice_publish.school;
    n   notices%rowtype;
begin
    perform ask(caller);

    if notice_publish.class is not null then
        select c.school into of from classes c where c.id = notice_publish.class;
    end if;

    if not exists (select from my_schools m where m.school = of)
       and not exists (select from my_teachings t where t.class = notice_publish.class)
    then
        return null;
    end if;

    select x.* into n from notices x join asking a on a.person = x.published_by
     where x.key = notice_publish.key;

    if found then
        if (n.school, n.class, n.title, n.text) is distinct from
           (of, notice_publish.class, notice_publish.title, notice_publish.text)
        then
            perform refuse('idempotency-key-reused');
        end if;

        return notice_document(n);
    end if;

    insert into notices (school, class, title, text, published_by, key)
    select of, notice_publish.class, notice_publish.title, notice_publish.text, a.person,
           notice_publish.key
      from asking a
    on conflict do nothing
    returning * into n;

    if not found then           -- the key's is of a class of before, so out of sight
        perform refuse('idempotency-key-reused');
    end if;

    perform ihanoi_host.publish('school.notice_published', n.id,
                                jsonb_build_object('school', n.school, 'class', n.class));

    return notice_document(n);
end
$$;

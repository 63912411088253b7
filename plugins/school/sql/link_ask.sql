-- POST /v1/school/links: somebody asks to be linked with a student of a school: with a
-- code of the school's, which is verified at once, or without, and the school decides.
-- Neither answer tells whether there is such a student. The same key is the same link.
--
-- Returns the link, or code and members of a refusal, which is kept: a wrong code counts.
create function link_ask(caller jsonb, school text, student_code text, kind text,
                         attempts int, waits int, hash text default null,
                         key text default null)
returns table (document json, code text, members json)
language plpgsql
as $$
#variable_conflict use_column
declare
    me    text;
    again timestamptz;
    try   bigint;
    told  told_codes%rowtype;
    l     links%rowtype;
begin
    perform ask(caller);
    select a.person into strict me from asking a;

    -- before or after a roster, not beside one, which may bring the student
    perform from schools s where s.code = link_ask.school for share;

    if not found then
        perform refuse('school-unknown');
    end if;

    -- one after the other, so that they can be counted
    perform ihanoi_host.lock('school links ' || me);

    select k.* into l from links k where k.person = me and k.key = link_ask.key;

    if found then
        if (l.school, l.student_code, l.kind, l.via = 'code') <>
           (link_ask.school, link_ask.student_code, link_ask.kind, link_ask.hash is not null)
        then
            perform refuse('idempotency-key-reused');
        end if;

        return query select link_document(l), null::text, null::json;
        return;
    end if;

    select t.at + interval '1 day' into again from link_attempts t
     where t.person = me and t.hash is not null and t.at > now() - interval '1 day'
     order by t.at desc offset attempts - 1 limit 1;

    if found then
        perform refuse('links-too-many',
                       json_build_object('a_day', attempts, 'retry_after', seconds_until(again)));
    end if;

    -- those of one's own that are over make room
    update links k set state = 'expired'
     where k.person = me
       and (k.state = 'asked' and k.asked_until <= now()
            or k.state = 'verified' and k.valid_until <= today());

    if link_ask.hash is null
       and (select count(*) from links k where k.person = me and k.state = 'asked') >= waits
    then
        perform refuse('links-too-many', json_build_object('waiting', waits));
    end if;

    insert into link_attempts (person, school, student_code, hash)
    values (me, link_ask.school, link_ask.student_code, decode(link_ask.hash, 'hex'))
    returning id into try;

    if link_ask.hash is null then
        insert into links (person, kind, school, student_code, student, via, state, asked_until,
                           key)
        values (me, link_ask.kind, link_ask.school, link_ask.student_code,
                (select s.student from asked_students s where s.attempt = try),
                'request', 'asked', now() + interval '30 days', link_ask.key)
        on conflict (person, school, student_code, kind) where state in ('asked', 'verified')
            do nothing
        returning * into l;

        if l.id is null then
            perform refuse('link-stands');
        end if;

        return query select link_document(l), null::text, null::json;
        return;
    end if;

    select t.* into told from told_codes t where t.attempt = try and t.kind = link_ask.kind;

    if told.hash is null then
        return query select null::json, 'link-code-wrong', json_build_object('a_day', attempts);
        return;
    end if;

    -- what was only asked for gives way to the code
    update links k set state = 'withdrawn'
     where k.person = me and k.state = 'asked' and k.school = link_ask.school
       and k.student_code = link_ask.student_code and k.kind = link_ask.kind;

    insert into links (person, kind, school, student_code, student, via, state, asked_until,
                       decided_at, key)
    values (me, told.kind, link_ask.school, link_ask.student_code, told.student, 'code',
            'verified', now(), now(), link_ask.key)
    on conflict (person, school, student_code, kind) where state in ('asked', 'verified')
        do nothing
    returning * into l;

    if l.id is null then
        perform refuse('link-stands');
    end if;

    update link_codes c set used_at = now() where c.hash = told.hash and c.used_at is null;

    if not found then           -- somebody was faster
        perform refuse('link-code-wrong', json_build_object('a_day', attempts));
    end if;

    return query select link_document(l), null::text, null::json;
end
$$;

-- PUT /v1/school/links/{link}/decision: the school's administrator verifies, refuses, or
-- revokes; a right that is revoked is gone with the commit of this transaction.
create function link_decide(caller jsonb, link uuid, decision text, reason text default null,
                            valid_until date default null)
returns json
language plpgsql
as $$
#variable_conflict use_column
declare
    at   school_links%rowtype;
    l    links%rowtype;
    was  text;
begin
    perform ask(caller);

    loop
        select * into at from school_links s where s.id = link_decide.link;

        if at.id is null
           or at.student is null and not open_school(at.school)
           or at.student is not null and not open_student(at.student, array['administrator'])
        then
            return null;
        end if;

        select * into l from links k where k.id = link_decide.link for update;
        exit when found;        -- a roster that we have waited for has brought the student
    end loop;

    was := link_state(l.state, l.asked_until, l.valid_until);

    if coalesce(link_decide.reason, '') = '' and decision in ('refused', 'revoked') then
        perform refuse('reason-missing');
    end if;

    if link_decide.valid_until <= today() then
        perform refuse('day-not-now');
    end if;

    -- told again, without another day
    if was = decision and (link_decide.valid_until is null
                           or link_decide.valid_until = l.valid_until)
    then
        return link_desk_document(l);
    end if;

    if (was, decision) not in (('asked', 'verified'), ('asked', 'refused'),
                               ('verified', 'verified'), ('verified', 'revoked'))
    then
        perform refuse('link-not-open', json_build_object('state', was));
    end if;

    if decision = 'verified' and l.student is null then
        perform refuse('student-unknown');
    end if;

    if decision = 'verified' and l.kind = 'student' and not exists (
           select from class_students m join classes c on c.id = m.class
            where m.student = l.student and c.grade >= account_grade()
              and m.valid_from <= today() and today() < m.valid_to)
    then
        perform refuse('student-too-young');
    end if;

    update links k
       set state = decision, reason = link_decide.reason, decided_at = now(),
           decided_by = (select a.person from asking a),
           valid_until = coalesce(link_decide.valid_until, k.valid_until)
     where k.id = link_decide.link
    returning * into l;

    return link_desk_document(l);
end
$$;

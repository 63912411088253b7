-- An application for a child, if the round is open at this instant. The same
-- guardian with the same words again gets the one that is there: its answer was
-- lost, and its Idempotency-Key perhaps too. Anybody else's for this child is
-- refused, without saying whose the first one is.
create function application_submit(id uuid, guardian text, round uuid, child text, child_name text,
                                   born date, ward text, facts jsonb, evidence jsonb,
                                   choices jsonb, most int, street text default null)
returns json
language plpgsql
as $$
-- the index is named by its columns, which are called as arguments are
#variable_conflict use_column
declare
    r     rounds%rowtype;
    a     applications%rowtype;
    said  text := encode(sha256(convert_to(jsonb_build_array(child_name, born, ward, street,
                                           facts, evidence, choices)::text, 'UTF8')), 'hex');
begin
    perform round_lock(application_submit.round);
    select * into r from rounds t where t.id = application_submit.round;

    if not found then
        return null;
    end if;

    -- one of a guardian's after the other, so that they can be counted
    perform ihanoi_host.lock('enrolment guardian ' || application_submit.guardian);

    select * into a from applications t
     where t.round = r.id and t.child = application_submit.child
       and t.state not in ('withdrawn', 'refused');

    if not found then
        if r.stage <> 'taking' or instant() < r.opens_at or instant() >= r.closes_at then
            perform refuse_with('enrolment-not-open',
                jsonb_build_object('opens_at', r.opens_at, 'closes_at', r.closes_at, 'now', instant(),
                                   'opens', in_hanoi(r.opens_at), 'closes', in_hanoi(r.closes_at)));
        end if;

        perform application_check(r, application_submit.born, application_submit.facts,
                                  application_submit.choices);

        if (select count(*) from applications t
             where t.round = r.id and t.guardian = application_submit.guardian) >= most
        then
            perform refuse_with('enrolment-too-many', jsonb_build_object('most', most));
        end if;

        insert into applications (id, round, guardian, child, child_name, born, ward, street,
                                  facts, evidence, content, changed_by)
        values (application_submit.id, r.id, application_submit.guardian, application_submit.child,
                application_submit.child_name, application_submit.born, application_submit.ward,
                application_submit.street, application_submit.facts, application_submit.evidence,
                said, application_submit.guardian)
        on conflict (round, child) where state not in ('withdrawn', 'refused') do nothing
        returning * into a;

        if found then
            insert into choices (application, round, position, school)
            select a.id, r.id, c.n, c.school
              from jsonb_array_elements_text(application_submit.choices) with ordinality c (school, n);

            return application_document(a.id);
        end if;

        -- Somebody was a moment quicker, and has committed.
        select * into strict a from applications t
         where t.round = r.id and t.child = application_submit.child
           and t.state not in ('withdrawn', 'refused');
    end if;

    if a.guardian <> application_submit.guardian then
        perform refuse_with('enrolment-child-has-one');
    elsif a.content <> said then
        perform refuse_with('enrolment-child-has-one', jsonb_build_object('id', a.id));
    end if;

    return application_document(a.id);
end
$$;

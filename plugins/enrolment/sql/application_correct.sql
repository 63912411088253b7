-- What was returned, sent again with other words, until the round is closed. The same
-- words again are the same correction, whatever has become of it since. Null: the guardian
-- has none such.
create function application_correct(id uuid, guardian text, child_name text, born date, ward text,
                                    facts jsonb, evidence jsonb, choices jsonb,
                                    street text default null)
returns json
language plpgsql
as $$
declare
    r     rounds%rowtype;
    a     applications%rowtype;
    said  text := encode(sha256(convert_to(jsonb_build_array(child_name, born, ward, street,
                                           facts, evidence, choices)::text, 'UTF8')), 'hex');
begin
    perform round_lock((select t.round from applications t where t.id = application_correct.id));
    select * into a from applications t
     where t.id = application_correct.id and t.guardian = application_correct.guardian
       for update;

    if not found then
        return null;
    end if;

    if a.state <> 'returned' and a.content = said then
        return application_document(a.id);
    elsif a.state <> 'returned' then
        perform refuse_with('enrolment-state', jsonb_build_object('state', a.state));
    end if;

    select * into r from rounds t where t.id = a.round;

    if r.stage <> 'taking' then
        perform refuse_with('enrolment-round-closed');
    end if;

    perform application_check(r, application_correct.born, application_correct.facts,
                              application_correct.choices);

    update applications t
       set child_name = application_correct.child_name, born = application_correct.born,
           ward = application_correct.ward, street = application_correct.street,
           facts = application_correct.facts, evidence = application_correct.evidence,
           content = said, state = 'submitted', reason = null, changed_by = a.guardian
     where t.id = a.id;

    delete from choices c where c.application = a.id;
    insert into choices (application, round, position, school)
    select a.id, a.round, c.n, c.school
      from jsonb_array_elements_text(application_correct.choices) with ordinality c (school, n);

    return application_document(a.id);
end
$$;

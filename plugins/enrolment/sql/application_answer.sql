-- What a guardian says: confirm or decline an offer, withdraw. Said twice it is
-- the same. An offer is over at its instant, whoever comes first to say so. Null:
-- the guardian has none such.
create function application_answer(id uuid, guardian text, answer text)
returns json
language plpgsql
as $$
declare
    a     applications%rowtype;
    goal  text := case answer when 'confirm' then 'confirmed' when 'decline' then 'declined'
                              else 'withdrawn' end;
begin
    select * into a from applications t
     where t.id = application_answer.id and t.guardian = application_answer.guardian
       for update;

    if not found then
        return null;
    end if;

    if a.state = goal then
        return application_document(a.id);
    end if;

    if answer in ('confirm', 'decline') then
        if a.state = 'lapsed' or a.state = 'offered' and instant() >= a.offer_until then
            perform refuse_with('enrolment-offer-over');
        elsif a.state <> 'offered' then
            perform refuse_with('enrolment-state', jsonb_build_object('state', a.state));
        end if;
    elsif not exists (select from application_transitions t where t.old = a.state and t.new = goal) then
        perform refuse_with('enrolment-state', jsonb_build_object('state', a.state));
    end if;

    update applications t
       set state = goal, school = case goal when 'confirmed' then t.school end,
           offer_until = null, reason = null, changed_by = a.guardian
     where t.id = a.id;

    return application_document(a.id);
end
$$;

-- A guardian appeals against a refusal, a place on the waitlist or a lapsed offer.
-- One at a time; the same words again are the same appeal, and those of the same key also
-- when it has been decided. Null: none such.
create function appeal_open(id uuid, application uuid, guardian text, text text,
                            key text default null)
returns json
language plpgsql
as $$
declare
    a  applications%rowtype;
    p  appeals%rowtype;
begin
    select * into a from applications t
     where t.id = appeal_open.application and t.guardian = appeal_open.guardian
       for update;

    if not found then
        return null;
    end if;

    select * into p from appeals t where t.application = a.id and t.key = appeal_open.key;

    if found then
        if p.text <> appeal_open.text then
            perform refuse_with('idempotency-key-reused');
        end if;

        return application_document(a.id);
    end if;

    select * into p from appeals t where t.application = a.id and t.state = 'open';

    if found then
        if p.text <> appeal_open.text then
            perform refuse_with('enrolment-appeal-open');
        end if;
    elsif a.state not in ('refused', 'waitlisted', 'lapsed') then
        perform refuse_with('enrolment-state', jsonb_build_object('state', a.state));
    elsif (select count(*) from appeals t where t.application = a.id) >= 3 then
        perform refuse_with('enrolment-appeals-used');
    else
        insert into appeals (id, application, text, key)
        values (appeal_open.id, a.id, appeal_open.text, appeal_open.key);
    end if;

    return application_document(a.id);
end
$$;

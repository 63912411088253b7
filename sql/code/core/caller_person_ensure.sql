-- The person who calls; the first write of a subject makes the account.
create function caller_person_ensure(caller jsonb)
returns uuid
language plpgsql
as $$
declare
    person uuid := caller_person(caller);
begin
    if person is not null then
        return person;
    end if;

    if caller ->> 'sub' is null then
        raise exception 'a write without a caller';
    end if;

    -- Two first writes at once: one makes the row, the other waits for it.
    insert into core.people (issuer, subject)
    values (caller ->> 'iss', caller ->> 'sub')
    on conflict on constraint people_issuer_subject_unique do nothing
    returning id into person;

    if person is not null then
        perform event_record(caller, person, 'person', person, 'created',
                             null, 'self', '{}');
        return person;
    end if;

    return caller_person(caller);
end
$$;

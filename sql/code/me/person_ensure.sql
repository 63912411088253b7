-- The person of an issuer and subject; the first mention makes the account.
-- "actor" is who mentions it, null for the person itself. An account that is
-- being erased is waited for, and then another one made: nothing is written
-- for one that is gone.
create function person_ensure(caller jsonb, issuer text, subject text, actor uuid)
returns uuid
language plpgsql
as $$
declare
    person uuid;
begin
    loop
        select p.id into person
        from core.people p
        where p.issuer = person_ensure.issuer
          and p.subject = person_ensure.subject
        for key share;

        if found then
            return person;
        end if;

        -- Two first writes at once: one makes the row, the other waits for it,
        -- and then holds it as any other.
        insert into core.people (issuer, subject)
        values (person_ensure.issuer, person_ensure.subject)
        on conflict on constraint people_issuer_subject_unique do nothing
        returning id into person;

        if found then
            perform event_record(caller, coalesce(actor, person), 'person',
                person, 'created', null,
                case when actor is null then 'self' else 'administer' end, '{}');
            return person;
        end if;
    end loop;
end
$$;

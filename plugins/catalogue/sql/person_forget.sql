-- Drops the consents of a person whose account was erased at a time. Those that were
-- given since then are of somebody new with the same login, and stay.
create function person_forget(person text, erased_at timestamptz)
returns int
language plpgsql
as $$
#variable_conflict use_variable
declare
    n  int;
begin
    update people p set erased_at = erased_at where p.subject = person;

    delete from consents c where c.person = person and c.given_at <= erased_at;
    get diagnostics n = row_count;

    delete from people p
     where p.subject = person
       and not exists (select from consents c where c.person = person);

    return n;
end
$$;

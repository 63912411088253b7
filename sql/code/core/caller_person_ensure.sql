-- The person who calls; the first write of a subject makes the account.
create function caller_person_ensure(caller jsonb)
returns uuid
language plpgsql
as $$
begin
    if caller ->> 'sub' is null then
        raise exception 'a write without a caller';
    end if;

    return person_ensure(caller, caller ->> 'iss', caller ->> 'sub', null);
end
$$;

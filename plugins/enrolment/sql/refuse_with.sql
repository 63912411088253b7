-- Refuses with a problem of the contract, and undoes what the transaction has done.
create function refuse_with(code text, members jsonb default null)
returns void
language plpgsql
as $$
begin
    raise exception using errcode = 'IH001', message = code,
        detail = coalesce(members, '{}')::text;
end
$$;

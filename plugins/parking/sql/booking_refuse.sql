-- Refuses with a problem of the contract, and takes back what was done.
create function booking_refuse(code text, members jsonb default '{}')
returns void
language plpgsql
as $$
begin
    raise exception using errcode = 'IH001', message = code, detail = members::text;
end
$$;

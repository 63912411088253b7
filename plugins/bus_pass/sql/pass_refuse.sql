-- Ends the transaction with one of the contract's problems.
create function pass_refuse(code text)
returns void
language plpgsql
as $$
begin
    raise exception using errcode = 'IH001', message = code;
end
$$;

-- Refuses, with a problem of openapi.json, and undoes what the transaction has done.
create function refuse(code text, members json default '{}')
returns void
language plpgsql
as $$
begin
    raise exception using errcode = 'IH001', message = code, detail = members::text;
end
$$;

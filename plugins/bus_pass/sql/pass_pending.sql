-- Notes the payment of a pass. Null when there is no such pass.
create function pass_pending(id uuid, payment uuid)
returns json
language plpgsql
as $$
declare
    p  passes%rowtype;
begin
    update passes t set payment = pass_pending.payment
     where t.id = pass_pending.id
    returning * into p;

    return case when found then pass_document(p) end;
end
$$;

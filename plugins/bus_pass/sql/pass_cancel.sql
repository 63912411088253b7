-- Gives a pass back before its month begins; again it is the same. Null when the
-- caller has none such.
create function pass_cancel(id uuid, holder text)
returns json
language plpgsql
as $$
declare
    p  passes%rowtype;
begin
    select * into p from passes t
     where t.id = pass_cancel.id and t.holder = pass_cancel.holder
       for update;

    if not found then
        return null;
    elsif p.state = 'cancelled' then
        return pass_document(p);
    elsif p.state <> 'active' then
        perform pass_refuse('bus-pass-not-paid');
    elsif p.month <= pass_month(0) then
        perform pass_refuse('bus-pass-begun');
    end if;

    update passes t set state = 'cancelled', refund = 'due', check_at = now()
     where t.id = p.id
    returning * into p;

    return pass_document(p);
end
$$;

-- The order that was made with a key, if there is one: a client that asks again gets
-- it, and one that asks for something else is refused. A carrier that is not said is the
-- one that was found when it was ordered.
create function order_again(citizen text, kind text, key text, bill uuid, phone text, carrier text,
                            gateway text, amount bigint)
returns orders
language plpgsql stable
as $$
declare
    o  orders%rowtype;
begin
    select * into o from orders t
     where t.citizen = order_again.citizen and t.kind = order_again.kind and t.key = order_again.key;

    if found and (o.bill, o.phone, o.carrier, o.gateway, o.amount)
                 is distinct from (order_again.bill, order_again.phone, coalesce(order_again.carrier, o.carrier),
                                   order_again.gateway, order_again.amount)
    then
        raise exception using errcode = 'IH001', message = 'order-key-used';
    end if;

    return o;
end
$$;

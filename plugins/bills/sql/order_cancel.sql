-- Its citizen takes back an order that is not paid. Its bill is free at once; the order is
-- over when nobody can pay it any more, and what is paid until then goes back
-- (order_payment). Again is nothing; so it is when the money is on its way back already.
-- One that the company may have, as after a restore (docs/backup.md), is not taken back.
-- Null when the citizen has no such order.
create function order_cancel(id uuid, citizen text)
returns jsonb
language plpgsql
as $$
declare
    o  orders%rowtype;
begin
    select * into o from orders t
     where t.id = order_cancel.id and t.citizen = order_cancel.citizen
       for update;

    if not found then
        return null;
    elsif o.state in ('created', 'paying') and o.sent_at is null then
        update orders t
           set state = 'cancelling', why = 'citizen', due_at = coalesce(t.expires_at, t.due_at)
         where t.id = o.id
        returning * into o;
    elsif o.stands then
        raise exception using errcode = 'IH001', message = 'order-not-cancellable',
            detail = jsonb_build_object('state', o.state)::text;
    end if;

    return order_document(o);
end
$$;

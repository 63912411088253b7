-- What the company says of an order that was sent to it:
--
--   done      it has it, under the number of a receipt
--   refused   it has not and will not: the money goes back
--   unsent    the sending of this number has surely not reached it
--   pending, unclear   nothing that decides
--
-- The first end counts. If the company says the opposite later, that is written down
-- for people to look at, and changes nothing.
create function order_finish(id uuid, outcome text, sending int default null,
                             receipt text default null, why text default null)
returns jsonb
language plpgsql
as $$
declare
    o  orders%rowtype;
begin
    select * into o from orders t where t.id = order_finish.id for update;

    if not found then
        return null;
    end if;

    if o.state = 'sending' then
        update orders t
           set state = case outcome when 'done' then 'delivered' when 'refused' then 'refused'
                                    else t.state end,
               receipt = case when outcome = 'done' then order_finish.receipt end,
               ended_at = case when outcome = 'done' then now() end,
               sent_at = case when outcome = 'unsent' and t.sends = sending then null else t.sent_at end,
               due_at = case when outcome = 'refused' then now() else t.due_at end,
               why = case when outcome = 'done' then null else order_finish.why end
         where t.id = o.id
        returning * into o;
    elsif o.state = 'delivered' and outcome = 'refused'
          or o.state in ('refused', 'refunding', 'refunded') and outcome = 'done'
    then
        update orders t
           set contradicted = coalesce(t.contradicted, concat_ws(' ', outcome, order_finish.receipt,
                                                                 order_finish.why))
         where t.id = o.id
        returning * into o;
    end if;

    return order_document(o);
end
$$;

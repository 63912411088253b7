-- What payments says of a refund: "done", also after it was "refused", or anything else
-- for not yet. One that was refused is done when people have given so much back before
-- that was heard of.
-- When all that a booking has to get back is back, it is refunded.
create function refund_apply(id uuid, state text, why text default null)
returns void
language plpgsql
as $$
declare
    which  uuid := (select r.booking from refunds r where r.id = refund_apply.id);
begin
    perform from bookings b where b.id = which for update;

    if refund_apply.state = 'refused'
       and exists (select from refunds r join charges c on c.id = r.charge
                    where r.id = refund_apply.id and r.amount <= c.refunded)
    then
        state := 'done';
        why := 'by hand';
    end if;

    update refunds r
       set state = case when refund_apply.state in ('done', 'refused') then refund_apply.state
                        else r.state end,
           finished_at = case when refund_apply.state in ('done', 'refused') then now() end,
           why = refund_apply.why
     where r.id = refund_apply.id
       and (r.state = 'requested' or r.state = 'refused' and refund_apply.state = 'done');

    update bookings b set state = 'refunded'
     where b.id = which and b.state in ('expired', 'cancelled', 'no_show')
       and exists (select from refunds r where r.booking = b.id and r.state = 'done')
       and not exists (select from refunds r where r.booking = b.id and r.state <> 'done');
end
$$;

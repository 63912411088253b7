-- What payments says of a charge, applied once whoever brings it and how often:
--
--   paid      the stay is paid, or what was due is
--   late      it was paid, but for nothing any more, or somebody in payments has given it
--             back already: all of it goes back
--   void      it will not be paid
--   open      nobody knows yet
--   repeated  known, nothing has changed but what has gone back of it (refunded); a refund
--             that the gateway refused is done when people have given so much back
--   unknown   no such charge
create function charge_apply(id uuid, state text, intent uuid default null,
                             refunded bigint default 0)
returns text
language plpgsql
as $$
declare
    b     bookings%rowtype;
    c     charges%rowtype;
    what  text := 'late';
begin
    select t.* into b from bookings t join charges h on h.booking = t.id
     where h.id = charge_apply.id
       for update of t;
    select * into c from charges t where t.id = charge_apply.id for update;

    if c.id is null then
        return 'unknown';
    elsif c.state not in ('open', 'left') then
        update charges t set refunded = charge_apply.refunded
         where t.id = c.id and t.refunded < charge_apply.refunded;

        if found then
            perform refund_apply(r.id, 'done', 'by hand') from refunds r
              where r.charge = c.id and r.state = 'refused' and r.amount <= charge_apply.refunded;
        end if;

        return 'repeated';
    elsif charge_apply.state in ('failed', 'expired') then
        what := 'void';
    elsif charge_apply.state not in ('succeeded', 'partly_refunded', 'refunded') then
        return 'open';
    elsif charge_apply.state = 'refunded' then
        what := 'late';
    elsif c.purpose = 'stay' and b.state = 'held' then
        begin
            update bookings t set state = 'paid' where t.id = b.id;
            what := 'paid';
        exception when check_violation then
            if sqlerrm <> 'the hold is over' then
                raise;
            end if;

            -- Nobody has looked since then.
            update bookings t set state = 'expired' where t.id = b.id;
        end;

    elsif c.purpose = 'overstay' and b.state = 'exited' then
        update bookings t set state = 'settled' where t.id = b.id;
        what := 'paid';
    end if;

    update charges t
       set state = what, intent = charge_apply.intent, refunded = charge_apply.refunded,
           paid_at = case when what <> 'void' then now() end
     where t.id = c.id;

    if what = 'late' then
        perform refund_request(c.id, c.amount, 'late');
    end if;

    return what;
end
$$;

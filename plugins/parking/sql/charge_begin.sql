-- What the owner is to pay now: the price of a stay that is held, or what is due of
-- one that is over. The same gateway again is the same charge; with another one, or for
-- something else, the old charge is left. A place is not held by ever new payments; what
-- is owed may be tried until it is paid. Where the key is that of the last time, the charge of
-- that time although it is paid by now; but the stay does not stand for what is due since.
-- Whoever has paid for nothing any more is told that all of it goes back, and of a hold that
-- is over that this would be so.
-- Null when the caller has no such booking.
create function charge_begin(id uuid, owner text, booking uuid, gateway text,
                             key text default null)
returns jsonb
language plpgsql
as $$
declare
    b     bookings%rowtype;
    c     charges%rowtype;
    why   text;
    late  bigint;
begin
    select * into b from bookings t
     where t.id = charge_begin.booking and t.owner = charge_begin.owner
       for update;

    if not found then
        return null;
    end if;

    select * into c from charges t
     where t.booking = b.id and t.state = 'paid'
       and (t.gateway, t.key) = (charge_begin.gateway, charge_begin.key)
       and (t.purpose = 'overstay' or b.state <> 'exited')
     order by t.paid_at desc
     limit 1;

    if found then
        return charge_document(c.id);
    elsif b.state not in ('held', 'exited') then
        select sum(t.amount) into late from charges t
         where t.booking = b.id and t.state = 'late'
           and (b.state not in ('paid', 'entered', 'settled')
                or (t.gateway, t.key) = (charge_begin.gateway, charge_begin.key));

        if late is not null then
            perform booking_refuse('parking-paid-late',
                                   jsonb_build_object('state', b.state, 'amount', late));
        elsif b.state = 'expired' then
            perform booking_refuse('parking-hold-over', jsonb_build_object('state', b.state));
        end if;

        perform booking_refuse('parking-nothing-to-pay', jsonb_build_object('state', b.state));
    elsif b.state = 'held' and b.hold_until <= clock_timestamp() then
        perform booking_refuse('parking-hold-over', jsonb_build_object('state', b.state));
    end if;

    why := case b.state when 'held' then 'stay' else 'overstay' end;
    select * into c from charges t where t.booking = b.id and t.state = 'open';

    if (c.purpose, c.gateway) = (why, charge_begin.gateway) then
        update charges t set key = charge_begin.key where t.id = c.id;
        return charge_document(c.id);
    elsif (select count(*) from charges t
            where t.booking = b.id and t.purpose = why
              and (why = 'stay' or t.state in ('open', 'left'))) >= 10
    then
        perform booking_refuse('parking-payments-too-many');
    end if;

    update charges t set state = 'left' where t.id = c.id;

    insert into charges (id, booking, purpose, amount, gateway, key)
    values (charge_begin.id, b.id, why, case why when 'stay' then b.price else b.due end,
            charge_begin.gateway, charge_begin.key);

    return charge_document(charge_begin.id);
end
$$;

-- The payment is there: the place is held until it is over, and two minutes more for
-- word of it. The booking; a hold that has run out meanwhile stays as it is, and
-- what is paid for it goes back.
create function charge_pending(id uuid, intent uuid, expires_at timestamptz)
returns jsonb
language plpgsql
as $$
declare
    which  uuid := (select c.booking from charges c where c.id = charge_pending.id);
begin
    perform from bookings b where b.id = which for update;

    update charges c set intent = charge_pending.intent
     where c.id = charge_pending.id and c.intent is null;

    begin
        update bookings b
           set hold_until = charge_pending.expires_at + interval '2 minutes'
         where b.id = which and b.state = 'held'
           and b.hold_until < charge_pending.expires_at + interval '2 minutes'
           and exists (select from charges c where c.id = charge_pending.id and c.state in ('open', 'left'));
    exception when check_violation then
        null;
    end;

    return booking_document(which);
end
$$;

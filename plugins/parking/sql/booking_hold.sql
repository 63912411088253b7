-- Takes a place for a quote. Null when the caller has no such quote; the same quote
-- again is the same booking, unless it is for another plate. What costs nothing is paid at
-- once.
create function booking_hold(id uuid, owner text, quote uuid, plate text default null)
returns jsonb
language plpgsql
as $$
declare
    q      quotes%rowtype;
    known  bookings%rowtype;
    at_once int;
begin
    select * into q from quotes t where t.id = booking_hold.quote and t.owner = booking_hold.owner;

    if not found then
        return null;
    end if;

    -- One hold after the other for each person, so that they can be counted.
    perform ihanoi_host.lock(booking_hold.owner);

    select * into known from bookings b where b.quote = q.id;

    if found then
        if known.plate is distinct from coalesce(booking_hold.plate, known.plate) then
            perform booking_refuse('parking-quote-taken');
        end if;

        return booking_document(known.id);
    elsif q.expires_at <= clock_timestamp() or q.leave <= clock_timestamp() then
        perform booking_refuse('parking-quote-expired');
    end if;

    select o.holds_at_once into at_once
      from sites s join operators o on o.id = s.operator where s.id = q.site and s.in_service;

    -- Its operator may have closed it since the quote.
    if at_once is null or not stay_open(q.site, q.arrive, q.leave) then
        perform booking_refuse('parking-closed');
    end if;

    if (select count(*) from bookings b
         where b.owner = booking_hold.owner and b.state = 'held' and b.hold_until > clock_timestamp())
       >= at_once
    then
        perform booking_refuse('parking-holds-too-many', jsonb_build_object('holds', at_once));
    end if;

    insert into bookings (id, code, quote, owner, site, vehicle, tariff, plate, arrive, leave, price,
                          hold_until)
    values (booking_hold.id,
            'P' || upper(left(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 11)),
            q.id, q.owner, q.site, q.vehicle, q.tariff, booking_hold.plate, q.arrive, q.leave, q.price,
            clock_timestamp() + make_interval(secs => (q.terms ->> 'hold_seconds')::int));

    if q.price = 0 then
        update bookings b set state = 'paid' where b.id = booking_hold.id;
    end if;

    return booking_document(booking_hold.id);

exception when check_violation then
    if sqlerrm <> 'no place is free' then
        raise;
    end if;

    perform booking_refuse('parking-full');
end
$$;

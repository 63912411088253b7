-- What an operator has told of a booking, which is locked:
--
--   applied   done
--   repeated  it was so already
--   early     what comes before it was not told yet: it waits
--   late      the booking is not one that can be used any more, or not yet paid; or what was
--             collected is not due any more: it was paid through the app
--   amount    another amount than is due was collected
create function session_step(booking uuid, type text, at timestamptz, amount bigint)
returns text
language plpgsql
as $$
declare
    b      bookings%rowtype;
    grace  interval;
    owed   bigint;
begin
    select * into b from bookings t where t.id = session_step.booking;

    if b.state in ('held', 'expired', 'cancelled', 'no_show', 'refunded') then
        return 'late';
    end if;

    case type
    when 'entered' then
        if b.state <> 'paid' then
            return 'repeated';
        end if;

        -- Nobody enters by a booking before it is made: a clock that says so is wrong,
        -- and would cost the owner the time from then on.
        update bookings t
           set state = 'entered', entered_at = greatest(session_step.at, b.created_at)
         where t.id = b.id;

    when 'exited' then
        if b.state = 'paid' then
            return 'early';
        elsif b.state <> 'entered' then
            return 'repeated';
        end if;

        -- Minutes of grace cost nothing; beyond them all of the stay counts. Who
        -- leaves earlier pays as booked.
        select make_interval(mins => (q.terms ->> 'grace_minutes')::int) into grace
          from quotes q where q.id = b.quote;

        owed := greatest(stay_price(b.tariff,
                    case when b.entered_at < b.arrive - grace then b.entered_at else b.arrive end,
                    case when session_step.at > b.leave + grace then session_step.at else b.leave end)
                - b.price, 0);

        update bookings t
           set state = 'exited', exited_at = greatest(session_step.at, b.entered_at), due = owed
         where t.id = b.id;

        if owed = 0 then
            update bookings t set state = 'settled' where t.id = b.id;
        end if;

    when 'collected' then
        if b.state in ('paid', 'entered') then
            return 'early';
        elsif b.state = 'settled' then
            return case when b.collected = session_step.amount then 'repeated' else 'late' end;
        elsif session_step.amount is distinct from b.due then
            return 'amount';
        end if;

        update bookings t set state = 'settled', collected = session_step.amount where t.id = b.id;
    end case;

    return 'applied';
end
$$;

-- The owner gives the place back. What was paid goes back as the terms of the quote
-- say: the rule with the most minutes that are left before the stay begins. Again is
-- nothing; null when the caller has no such booking.
create function booking_cancel(id uuid, owner text)
returns jsonb
language plpgsql
as $$
declare
    b        bookings%rowtype;
    percent  int;
begin
    select * into b from bookings t
     where t.id = booking_cancel.id and t.owner = booking_cancel.owner
       for update;

    if not found then
        return null;
    elsif b.state = 'held' then
        update bookings t set state = 'cancelled' where t.id = b.id;

    elsif b.state = 'paid' then
        update bookings t set state = 'cancelled' where t.id = b.id;

        select coalesce((select (r ->> 'percent')::int
                           from quotes q cross join jsonb_array_elements(q.terms -> 'refunds') r
                          where q.id = b.quote
                            and now() + make_interval(mins => (r ->> 'before_minutes')::int) <= b.arrive
                          order by (r ->> 'before_minutes')::int desc
                          limit 1), 0) into percent;

        perform refund_request(c.id, c.amount * percent / 100, 'cancelled')
           from charges c where c.booking = b.id and c.state = 'paid';

    elsif b.state not in ('cancelled', 'refunded') then
        perform booking_refuse('parking-not-cancellable', jsonb_build_object('state', b.state));
    end if;

    return booking_document(b.id);
end
$$;

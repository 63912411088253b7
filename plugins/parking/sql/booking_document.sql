-- A booking as its owner sees it. Null when there is none.
create function booking_document(id uuid)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'id', b.id, 'code', b.code, 'state', b.state,
               'site', jsonb_build_object('id', s.id, 'name', s.name, 'address', s.address,
                   'location', jsonb_build_object('lat', st_y(s.location::geometry),
                                                  'long', st_x(s.location::geometry))),
               'vehicle', b.vehicle, 'plate', b.plate, 'arrive', b.arrive, 'leave', b.leave,
               'price', b.price, 'due', b.due,
               'paid', (select coalesce(sum(c.amount), 0) from charges c
                         where c.booking = b.id and c.state in ('paid', 'late')),
               'refunded', (select coalesce(sum(charge_refunded(c)), 0) from charges c
                             where c.booking = b.id),
               'hold_until', case when b.state = 'held' then b.hold_until end,
               'entered_at', b.entered_at, 'exited_at', b.exited_at, 'terms', q.terms,
               'payments', coalesce((
                   select jsonb_agg(jsonb_build_object(
                              'id', c.intent, 'purpose', c.purpose, 'amount', c.amount,
                              'gateway', c.gateway, 'state', c.state, 'paid_at', c.paid_at,
                              'refund', case when r.id is not null then jsonb_build_object(
                                  'amount', r.amount, 'reason', r.reason, 'state', r.state) end)
                              order by c.created_at, c.id)
                     from charges c left join refunds r on r.charge = c.id
                    where c.booking = b.id), '[]'),
               'created_at', b.created_at, 'changed_at', b.changed_at)
      from bookings b
      join quotes q on q.id = b.quote
      join sites s on s.id = b.site
     where b.id = booking_document.id
$$;

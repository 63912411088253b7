-- GET /v1/parking/bookings/{id}/receipt: what was paid for, the caller's own.
create function booking_receipt(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select case when b.price > 0 and p.payments is null then null else 200 end,
           null::text,
           case when b.price > 0 and p.payments is null
                then json_build_object('code', 'parking-not-paid')
                else json_build_object(
               'number', b.code, 'state', b.state, 'operator', o.name, 'site', s.name,
               'address', s.address, 'vehicle', b.vehicle, 'plate', b.plate,
               'arrive', b.arrive, 'leave', b.leave,
               'entered_at', b.entered_at, 'exited_at', b.exited_at,
               'breakdown', q.breakdown, 'price', b.price, 'due', b.due, 'collected', b.collected,
               'payments', coalesce(p.payments, '[]'),
               'total', coalesce(p.paid, 0) + coalesce(b.collected, 0) - coalesce(p.back, 0))
           end
      from bookings b
      join quotes q on q.id = b.quote
      join sites s on s.id = b.site
      join operators o on o.id = s.operator
     cross join lateral (
           select json_agg(json_build_object(
                      'id', c.intent, 'purpose', c.purpose, 'amount', c.amount,
                      'gateway', c.gateway, 'paid_at', c.paid_at,
                      'refunded', charge_refunded(c))
                      order by c.paid_at) as payments,
                  sum(c.amount) as paid, sum(charge_refunded(c)) as back
             from charges c
            where c.booking = b.id and c.state in ('paid', 'late')) p
     where b.id = booking_receipt.id
       and b.owner = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
$$;

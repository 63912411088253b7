-- GET /v1/parking/apds/rights/assigned/{id}: the caller's own booking as an AssignedRight
-- of APDS. It is one from the payment on, or from the booking where there is nothing to pay;
-- one that is given back is none any more.
create function apds_assigned_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text, jsonb_strip_nulls(jsonb_build_object(
               'id', b.id, 'version', b.version + s.issuers,
               'rightHolder', jsonb_build_object('credentials', shown),
               'rightSpecification', apds_right(u),
               'assignedRightIssuer', jsonb_build_object('id', s.operator, 'className', 'Organisation'),
               'issuanceTime', coalesce((select c.paid_at from charges c
                                          where c.booking = b.id and c.purpose = 'stay'
                                            and c.state = 'paid'), b.created_at),
               'expiry', b.leave,
               'plannedUses', jsonb_build_array(jsonb_build_object(
                   'startTime', b.arrive, 'endTime', b.leave,
                   'credentialsAssigned', shown))))::json
      from bookings b
      join sites s on s.id = b.site
      join supplies u on u.site = b.site and u.vehicle = b.vehicle
     cross join apds_credentials(b) as shown
     where b.id = apds_assigned_read.id
       and b.owner = (caller ->> 'iss') || ' ' || (caller ->> 'sub')
       and b.state in ('paid', 'entered', 'exited', 'settled')
$$;

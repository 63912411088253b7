-- What has gone back of a charge: as payments says, or as it said when it was asked to
-- give it back, whatever was heard first.
create function charge_refunded(c charges)
returns bigint
language sql stable
as $$
    select greatest(c.refunded, (select r.amount from refunds r
                                  where r.charge = c.id and r.state = 'done'))
$$;

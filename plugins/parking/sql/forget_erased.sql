-- Bookings of erased people that are over, with their money and with what the operator is
-- to be told, become nobody's: how many. One statement, because a booking has the owner of
-- its quote.
create function forget_erased()
returns int
language plpgsql
as $$
declare
    n  int;
begin
    with over as (
        select b.id, b.quote
          from erased e
          join bookings b on b.owner = e.owner and b.created_at <= e.at
         where b.state in ('expired', 'cancelled', 'refunded', 'no_show', 'settled')
           and not exists (select from charges c
                            where c.booking = b.id and c.state in ('open', 'left'))
           and not exists (select from refunds r
                            where r.booking = b.id and r.state = 'requested')
           and not exists (select from notices t
                            where t.booking = b.id and t.delivered_at is null
                              and t.given_up_at is null)
           for update of b skip locked
    ), told as (
        update notices t set body = t.body - 'plate' from over where t.booking = over.id
    ), asked as (
        update charges c set key = null from over where c.booking = over.id
    ), quoted as (
        update quotes q set owner = 'erased' from over where q.id = over.quote
    )
    update bookings b set owner = 'erased', plate = null from over where b.id = over.id;
    get diagnostics n = row_count;

    delete from erased e
     where not exists (select from bookings b where b.owner = e.owner and b.created_at <= e.at);

    return n;
end
$$;

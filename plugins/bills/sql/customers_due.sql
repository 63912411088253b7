-- Customers whose bills are to be asked for because somebody wants to be reminded, at
-- most n, and who that is; each is given to one caller, and to another one in an hour unless
-- the company has answered (customers_asked).
create function customers_due(n int)
returns table (customer text, citizens jsonb)
language sql
as $$
    with due as (
        select c.id, c.customer from codes c
         where c.remind and c.check_at <= now()
         order by c.check_at
         limit n
           for update skip locked
    ), later as (
        update codes c
           set check_at = now() + interval '1 hour'
          from (select distinct d.customer from due d) d
         where c.customer = d.customer and c.remind
        returning c.customer, c.citizen
    )
    select l.customer, jsonb_agg(l.citizen) from later l group by l.customer
$$;

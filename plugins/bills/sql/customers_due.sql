-- Customers whose bills are to be asked for because somebody wants to be reminded, at
-- most n; each is given to one caller, and comes again after an interval (seconds).
create function customers_due(n int, again int)
returns table (customer text)
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
           set check_at = now() + make_interval(secs => again)
          from (select distinct d.customer from due d) d
         where c.customer = d.customer and c.remind
        returning c.customer
    )
    select distinct l.customer from later l
$$;

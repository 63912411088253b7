-- Charges that payments is to be asked about, each given to one caller; the next
-- look is later each time.
create function charges_due(n int)
returns table (charge jsonb)
language sql
as $$
    with due as (
        select d.id from charges d
         where d.state in ('open', 'left') and d.check_at <= now()
         order by d.check_at
         limit n
           for update skip locked
    ), taken as (
        update charges c
           set checks = c.checks + 1,
               check_at = now() + make_interval(secs => least(60 * 2 ^ least(c.checks, 6), 3600))
          from due where c.id = due.id
        returning c.id
    )
    select charge_document(t.id) from taken t
$$;

-- Quotes that nobody has booked, a day after they ran out.
create function quotes_forget(n int)
returns int
language sql
as $$
    with gone as (
        delete from quotes q
         using (select d.id from quotes d
                 where d.expires_at < now() - interval '1 day'
                   and not exists (select from bookings b where b.quote = d.id)
                 order by d.expires_at
                 limit n) old
         where q.id = old.id
        returning 1
    )
    select count(*)::int from gone
$$;

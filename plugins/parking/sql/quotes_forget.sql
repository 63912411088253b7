-- Quotes that nobody has booked, a day after they ran out; those that were booked are kept,
-- and not looked at again. Of n at most: how many of either there were.
create function quotes_forget(n int)
returns int
language sql
as $$
    with old as materialized (
        select q.id, exists (select from bookings b where b.quote = q.id) as booked
          from quotes q
         where not q.kept and q.expires_at < now() - interval '1 day'
         order by q.expires_at
         limit n
    ), booked as (
        update quotes q set kept = true from old where q.id = old.id and old.booked
    ), gone as (
        delete from quotes q using old where q.id = old.id and not old.booked
    )
    select count(*)::int from old
$$;

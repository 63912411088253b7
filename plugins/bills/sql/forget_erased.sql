-- What limits count and accounting keeps, of erased citizens. Of a day ago: nobody gets
-- more look-ups or top-ups in a day by erasing the account. An order when it is over; one
-- that was asked for once more since then is of the new account.
create function forget_erased()
returns void
language plpgsql
as $$
begin
    delete from lookups l using erased e
     where l.citizen = e.citizen and l.at <= e.at and l.at < now() - interval '1 day';

    update orders o
       set citizen = 'erased', key = o.id,
           phone = case when o.state <> 'cancelled' then o.phone end
      from erased e
     where o.citizen = e.citizen and greatest(o.created_at, o.again_at) <= e.at
       and o.ended_at < now() - interval '1 day';

    delete from erased e
     where not exists (select from lookups l where l.citizen = e.citizen and l.at <= e.at)
       and not exists (select from proofs p where p.citizen = e.citizen and p.at <= e.at)
       and not exists (select from orders o
                        where o.citizen = e.citizen
                          and greatest(o.created_at, o.again_at) <= e.at);
end
$$;

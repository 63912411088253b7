-- Withdrawals that the service has not yet said to be done, oldest first.
create function withdrawals_open(service text, n int)
returns table (withdrawal jsonb)
language sql stable
as $$
    select withdrawal_document(c)
      from consents c
     where c.service = withdrawals_open.service
       and c.ended = 'withdrawn' and c.done_at is null
     order by c.ended_at
     limit n
$$;

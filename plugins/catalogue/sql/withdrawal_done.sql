-- The service has dropped what it kept; the first time counts. Null for those of
-- others.
create function withdrawal_done(service text, id uuid)
returns jsonb
language sql
as $$
    update consents c
       set done_at = clock_timestamp()
     where c.id = withdrawal_done.id and c.service = withdrawal_done.service
       and c.ended = 'withdrawn' and c.done_at is null;

    select withdrawal_read(withdrawal_done.service, withdrawal_done.id)
$$;

-- A withdrawal of one service; null for those of others.
create function withdrawal_read(service text, id uuid)
returns jsonb
language sql stable
as $$
    select withdrawal_document(c)
      from consents c
     where c.id = withdrawal_read.id and c.service = withdrawal_read.service
       and c.ended = 'withdrawn'
$$;

-- An intent, of one payer or one service when they are named.
create function intent_read(id uuid, payer text default null, service text default null)
returns jsonb
language sql stable
as $$
    select intent_document(i.id)
      from intents i
     where i.id = intent_read.id
       and (intent_read.payer is null or i.payer = intent_read.payer)
       and (intent_read.service is null or i.service = intent_read.service)
$$;

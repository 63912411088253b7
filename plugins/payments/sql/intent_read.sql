-- An intent, of one payer or one service when they are named, else as staff reads it.
create function intent_read(id uuid, payer text default null, service text default null)
returns jsonb
language sql stable
as $$
    select intent_document(i.id, num_nulls(intent_read.payer, intent_read.service) = 2)
      from intents i
     where i.id = intent_read.id
       and (intent_read.payer is null or i.payer = intent_read.payer)
       and (intent_read.service is null or i.service = intent_read.service)
$$;

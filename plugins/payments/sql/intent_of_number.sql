-- Where a payment stands, for who comes back from the gateway with its number.
create function intent_of_number(gateway text, number text)
returns table (id uuid, number text, state text)
language sql stable
as $$
    select i.id, i.number, i.state
      from intents i
     where i.number = intent_of_number.number and i.gateway = intent_of_number.gateway
$$;

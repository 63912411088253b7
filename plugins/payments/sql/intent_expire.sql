-- Time is over and the gateway, asked after that, knows of no payment. True
-- when the intent has expired by this. Money that comes later is a receipt
-- that is not applied, and goes back.
create function intent_expire(id uuid)
returns boolean
language plpgsql
as $$
begin
    update intents i
       set state = 'expired'
     where i.id = intent_expire.id and i.state in ('created', 'pending') and i.expires_at <= now();

    return found;
end
$$;

-- The gateway has agreed: its checkout is the payer's. What has gone on
-- meanwhile (a callback was quicker than the answer) stays as it is.
create function intent_pending(id uuid, checkout jsonb)
returns jsonb
language plpgsql
as $$
begin
    update intents i
       set state = 'pending', checkout = intent_pending.checkout
     where i.id = intent_pending.id and i.state = 'created';

    return intent_document(intent_pending.id);
end
$$;

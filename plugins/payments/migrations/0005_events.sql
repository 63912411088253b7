-- What becomes of a payment is told to who asked for it, by the transaction that
-- decides it: nobody hears of what was rolled back, and nothing is forgotten when a
-- worker dies after it. The key is the payment's: of one payment the order holds.
create function intents_tell()
returns trigger
language plpgsql
as $$
begin
    perform ihanoi_host.publish('payments.changed', new.id, jsonb_build_object(
        'service', new.service, 'reference', new.reference, 'state', new.state,
        'amount', new.amount, 'refunded', new.refunded));
    return null;
end
$$;

create trigger intents_tell after update on intents
    for each row
    when ((old.state, old.refunded) is distinct from (new.state, new.refunded)
          and new.state <> 'pending')
    execute function intents_tell();

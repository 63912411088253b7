-- Makes an intent, or finds the one that the service has made under this
-- reference before: asking twice is one payment. Another amount, payer or
-- gateway under the same reference is refused. Null when there is none and it may
-- not be a fresh one. One whose gateway is still to be asked has the language of whoever made it.
create function intent_create(id uuid, number text, payer text, service text, reference text,
                              gateway text, amount bigint, description text,
                              expires_in int, check_in int, fresh boolean default true,
                              language text default 'vi')
returns jsonb
language plpgsql
as $$
declare
    i  intents%rowtype;
begin
    insert into intents (id, number, payer, service, reference, gateway, amount, description,
                         expires_at, check_at, language)
    select intent_create.id, intent_create.number, intent_create.payer, intent_create.service,
           intent_create.reference, intent_create.gateway, intent_create.amount,
           intent_create.description, now() + make_interval(secs => expires_in),
           now() + make_interval(secs => check_in), intent_create.language
     where fresh
    on conflict on constraint intents_reference_once do nothing;

    select * into i from intents t
     where t.service = intent_create.service and t.reference = intent_create.reference;

    if not found then
        return null;
    elsif (i.payer, i.gateway, i.amount)
       <> (intent_create.payer, intent_create.gateway, intent_create.amount)
    then
        raise exception using errcode = 'IH001', message = 'payment-reference-used';
    end if;

    return intent_document(i.id)
           || case i.state when 'created' then jsonb_build_object('language', i.language) else '{}' end;
end
$$;

-- An intent as its payer and its service see it. Null when there is none.
create function intent_document(which uuid)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'id', i.id, 'number', i.number, 'service', i.service, 'reference', i.reference,
               'gateway', i.gateway, 'amount', i.amount, 'description', i.description,
               'state', i.state, 'refunded', i.refunded,
               'created_at', i.created_at, 'changed_at', i.changed_at, 'expires_at', i.expires_at,
               'refunds', coalesce((select jsonb_agg(refund_document(f.id) order by f.requested_at, f.id)
                                      from refunds f where f.intent = i.id), '[]'))
           || case when i.state = 'pending' then jsonb_build_object('checkout', i.checkout)
                   else '{}' end
      from intents i
     where i.id = which
$$;

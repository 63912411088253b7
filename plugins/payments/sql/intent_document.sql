-- An intent as its payer and its service see it; staff reads, too, why a refund stands as it
-- does, in the words of gateways and officers, and who has settled it. Null when there is none.
create function intent_document(which uuid, staff boolean default false)
returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'id', i.id, 'number', i.number, 'service', i.service, 'reference', i.reference,
               'gateway', i.gateway, 'amount', i.amount, 'description', i.description,
               'state', i.state, 'refunded', i.refunded,
               'created_at', i.created_at, 'changed_at', i.changed_at, 'expires_at', i.expires_at,
               'refunds', coalesce((select jsonb_agg(refund_document(f.id)
                                                       - case when staff then '{}' else '{why,settled_by}' end::text[]
                                                       order by f.requested_at, f.id)
                                      from refunds f where f.intent = i.id), '[]'))
           || case when i.state = 'pending' then jsonb_build_object('checkout', i.checkout)
                   else '{}' end
      from intents i
     where i.id = which
$$;

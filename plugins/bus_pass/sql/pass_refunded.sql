-- What payments says of a refund that is not done: requested, sent or refused. When all has
-- gone back the payment says so (pass_apply), of which an officer may have given a part.
create function pass_refunded(id uuid, state text)
returns void
language sql
as $$
    update passes p
       set refund = case when pass_refunded.state = 'refused' then 'refused' else 'sent' end
     where p.id = pass_refunded.id and p.refund in ('due', 'sent')
$$;

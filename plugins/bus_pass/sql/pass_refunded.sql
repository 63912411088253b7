-- What payments says of a refund: requested, sent, done or refused.
create function pass_refunded(id uuid, state text)
returns void
language sql
as $$
    update passes p
       set refund = case when pass_refunded.state in ('done', 'refused') then pass_refunded.state
                         else 'sent' end
     where p.id = pass_refunded.id and p.refund in ('due', 'sent')
$$;

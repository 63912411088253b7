-- What payments says of a pass's payment, applied once, whoever brings it and how
-- often: active, lapsed (it will not be paid, or all went back before we knew), late (it
-- was, for nothing or a month that is over: all goes back), open (nobody knows yet),
-- repeated or unknown.
create function pass_apply(id uuid, state text, payment uuid default null)
returns text
language plpgsql
as $$
declare
    p     passes%rowtype;
    paid  boolean := pass_apply.state in ('succeeded', 'partly_refunded');
begin
    select * into p from passes t where t.id = pass_apply.id for update;

    if not found then
        return 'unknown';
    elsif p.state = 'pending' and paid and p.month >= pass_month(0) then
        update passes t set state = 'active', payment = pass_apply.payment
         where t.id = p.id;
        return 'active';
    elsif p.state = 'pending' and pass_apply.state in ('failed', 'expired', 'refunded') then
        update passes t set state = 'lapsed', payment = coalesce(p.payment, pass_apply.payment)
         where t.id = p.id;
        return 'lapsed';
    elsif p.state = 'pending' and not paid then
        return 'open';
    elsif p.state in ('pending', 'lapsed') and paid and p.refund is null then
        update passes t
           set state = 'lapsed', refund = 'due', payment = pass_apply.payment, check_at = now()
         where t.id = p.id;
        return 'late';
    end if;

    return 'repeated';
end
$$;

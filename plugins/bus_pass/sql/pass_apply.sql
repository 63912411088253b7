-- What payments says of a pass's payment, applied once, whoever brings it and how
-- often: active, lapsed (it will not be paid), late (it was, for nothing or a month that is
-- over: all goes back), returned (all has gone back, whoever gave it), open (nobody knows
-- yet), repeated or unknown.
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
    elsif pass_apply.state = 'refunded' and p.refund is distinct from 'done' then
        update passes t
           set state = case p.state when 'pending' then 'lapsed' when 'active' then 'cancelled'
                                    else p.state end,
               refund = 'done', payment = pass_apply.payment
         where t.id = p.id;
        return 'returned';
    elsif p.state = 'pending' and paid and p.month >= pass_month(0) then
        update passes t set state = 'active', payment = pass_apply.payment
         where t.id = p.id;
        return 'active';
    elsif p.state in ('pending', 'lapsed') and pass_apply.state in ('failed', 'expired') then
        update passes t
           set state = 'lapsed', closed = true, payment = coalesce(p.payment, pass_apply.payment)
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

-- The operator has said yes, or no for so long that nobody asks again: after 100
-- attempts, some four days, when the stay is over, too. Whoever comes until then has to be
-- known at the barrier once the operator is there again.
create function notice_done(number bigint, delivered boolean)
returns boolean
language plpgsql
as $$
begin
    update notices t
       set delivered_at = case when notice_done.delivered then now() end,
           given_up_at = case when not notice_done.delivered then now() end
     where t.number = notice_done.number and t.delivered_at is null and t.given_up_at is null
       and (notice_done.delivered
            or t.attempts >= 100
               and not exists (select from bookings b where b.id = t.booking and b.leave > now()));

    return found;
end
$$;

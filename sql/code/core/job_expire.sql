-- Recurring: removes what nobody needs any more: finished jobs after a week, denials
-- a day after their end, which every gateway has read by then, and keys that handlers
-- gave back. (Idempotency keys go with their day.)
create function job_expire(args jsonb)
returns void
language plpgsql volatile
as $$
begin
    delete from core.jobs j
    where j.state in ('done', 'cancelled')
      and j.ended_at < core.now() - interval '7 days';

    delete from core.denied_tokens d
    where d.forget_at < core.now() - interval '1 day';

    delete from core.key_leases l
    where l.until < core.now() - interval '1 day';
end
$$;

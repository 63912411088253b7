-- What operators are to be told, each given to one caller, of a booking the oldest
-- only: what follows waits. Of one booking, or all that is due but to operators that do
-- not answer now.
--
-- Planned with its values: of one, that one is read, however many wait.
create function notices_due(n int, booking uuid default null, silent jsonb default '[]')
returns table (number bigint, operator text, notice jsonb)
language plpgsql
set plan_cache_mode = force_custom_plan
as $$
begin
    return query
    update notices t
       set attempts = t.attempts + 1,
           due_at = now() + make_interval(secs => least(30 * 2 ^ least(t.attempts, 7), 3600))
      from (select d.number from notices d
             where d.delivered_at is null and d.given_up_at is null
               and case when notices_due.booking is not null then d.booking = notices_due.booking
                        else d.due_at <= now() end
               and not silent ? d.operator
               and not exists (select from notices f
                                where f.booking = d.booking and f.number < d.number
                                  and f.delivered_at is null and f.given_up_at is null)
             order by d.due_at
             limit n
               for update skip locked) due
     where t.number = due.number
    returning t.number, t.operator, jsonb_build_object(
        'id', t.id, 'sequence', t.number, 'type', t.type, 'at', t.created_at, 'assigned_right', t.body);
end
$$;

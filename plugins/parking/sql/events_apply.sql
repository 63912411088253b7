-- What an operator tells: a list of events { id, type, at, ... }, each with a verdict
-- of session_step(), or
--
--   unknown   no such booking, or site and vehicle, of this operator
--   future    it has not happened yet
--   stale     a count that is not newer than the one that is known
--
-- An event of a booking is done once for each id. Counts go by their time alone.
create function events_apply(operator text, events jsonb)
returns table (id text, verdict text)
language plpgsql
as $$
declare
    e      jsonb;
    at     timestamptz;
    which  uuid;
    known  text;
begin
    -- One message of an operator after the other.
    perform from operators o where o.id = events_apply.operator for no key update;

    for e in select * from jsonb_array_elements(events) loop
        id := e ->> 'id';
        at := (e ->> 'at')::timestamptz;
        verdict := null;

        if at > now() + interval '5 minutes' then
            verdict := 'future';

        elsif e ->> 'type' = 'occupancy' then
            select case when u.observed_at >= at then 'stale' else 'applied' end into verdict
              from supplies u join sites s on s.id = u.site
             where s.operator = events_apply.operator and u.site = (e ->> 'place')::uuid
               and u.vehicle = e ->> 'vehicle'
               for no key update of u;

            if verdict = 'applied' then
                update supplies u
                   set free = least((e ->> 'free')::int, u.capacity), observed_at = at
                 where u.site = (e ->> 'place')::uuid and u.vehicle = e ->> 'vehicle';
            end if;

        else
            select v.verdict into known from operator_events v
             where v.operator = events_apply.operator and v.id = e ->> 'id';

            if found then
                verdict := case known when 'applied' then 'repeated' else known end;
            else
                select b.id into which
                  from bookings b join sites s on s.id = b.site
                 where b.code = e ->> 'code' and s.operator = events_apply.operator
                   for update of b;

                if found then
                    verdict := session_step(which, e ->> 'type', at, (e ->> 'amount')::bigint);

                    insert into operator_events (operator, id, booking, type, at, amount, verdict)
                    values (events_apply.operator, e ->> 'id', which, e ->> 'type', at,
                            (e ->> 'amount')::bigint, events_apply.verdict);

                    if verdict = 'applied' then
                        perform session_go_on(which);
                    end if;
                end if;
            end if;
        end if;

        verdict := coalesce(verdict, 'unknown');
        return next;
    end loop;
end
$$;

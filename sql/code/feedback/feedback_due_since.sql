-- When handling is due by a clock that has run since an acceptance or a reopening:
-- the legal limit of the severity, later by the working time that the clock has
-- stood still, but not before the day to which an approver has extended it since;
-- the citizen has been told. The case's events tell both: what the deadline was
-- before does not, when the severity has been another one in between.
create function feedback_due_since(c feedback.cases, since timestamptz)
returns timestamptz
language plpgsql stable
as $$
declare
    calendar  text := calendar_of(c.unit);
    due       timestamptz := time_limit_due('handle.' || c.severity, c.unit, since);
    extended  timestamptz;
    asked_at  timestamptz;
    stood     interval;
    e         record;
begin
    for e in
        select x.event, x.at, x.details
        from core.audit_events x
        where x.chain = c.id and x.at >= since
          and x.event in ('ask', 'info', 'timeout', 'extend')
        order by x.seq
    loop
        if e.event = 'extend' then
            extended := (e.details ->> 'due_at')::timestamptz;

        elsif e.event = 'ask' then
            asked_at := e.at;

        else
            stood := working_time_between(calendar, asked_at, e.at);
            due := working_time_add(calendar, due, stood);

            -- as feedback_resume()
            if extended > asked_at then
                extended := working_time_add(calendar, extended, stood);
            end if;
        end if;
    end loop;

    return greatest(due, extended);
end
$$;

-- When its unit is due once a case's severity is another one ("old": the case as
-- it was). A unit that got the case by transfer has a clock of its own: counted
-- anew from when it accepted, later by what that clock has stood still. All
-- others have the citizen's.
create function feedback_unit_due(old feedback.cases, c feedback.cases)
returns timestamptz
language plpgsql stable
as $$
declare
    calendar  text := calendar_of(c.unit);
    accepted  timestamptz;
begin
    if old.unit_due_at = old.due_at then
        return c.due_at;
    end if;

    select max(e.at) into accepted
    from core.audit_events e
    where e.chain = c.id and e.at >= c.created_at and e.event = 'accept';

    return working_time_add(calendar,
        time_limit_due('handle.' || c.severity, c.unit, accepted),
        working_time_between(calendar,
            time_limit_due('handle.' || old.severity, c.unit, accepted),
            old.unit_due_at));
end
$$;

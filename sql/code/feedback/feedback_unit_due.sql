-- When its unit is due once a case's severity is another one. A unit that got the
-- case by transfer has a clock of its own, from when it accepted; all others have
-- the citizen's.
create function feedback_unit_due(c feedback.cases)
returns timestamptz
language plpgsql stable
as $$
declare
    accepted  timestamptz;
begin
    select max(e.at) into accepted
    from core.audit_events e
    where e.chain = c.id and e.at > c.clock_started_at and e.event = 'accept';

    return case when accepted is null then c.due_at
                else feedback_due_since(c, accepted) end;
end
$$;

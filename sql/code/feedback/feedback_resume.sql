-- Ends a pause: the deadlines move by the working time that the clock stood
-- still; one that had passed before stays where it was. Until a case is
-- received the one towards the citizen is that of receipt.
create function feedback_resume(c feedback.cases)
returns feedback.cases
language plpgsql stable
as $$
declare
    calendar  text := calendar_of(c.unit);
    stood     interval := working_time_between(calendar, c.paused_at, core.now());
begin
    if c.due_at > c.paused_at then
        c.due_at := working_time_add(calendar, c.due_at, stood);
    end if;

    if c.unit_due_at > c.paused_at then
        c.unit_due_at := working_time_add(calendar, c.unit_due_at, stood);
    end if;

    if c.previous_state = 'submitted' then
        c.receive_due_at := c.due_at;
    end if;

    c.clock_paused := c.clock_paused + stood;
    c.state := c.previous_state;
    c.previous_state := null;
    c.paused_at := null;

    return c;
end
$$;

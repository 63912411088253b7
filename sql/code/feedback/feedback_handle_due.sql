-- When handling is due by the severity: the legal limit from the start of the
-- clock, later by the working time that the clock stood still.
create function feedback_handle_due(c feedback.cases)
returns timestamptz
language plpgsql stable
as $$
begin
    return (
        select case when c.clock_paused > '0'
                    then working_time_add(calendar_of(c.unit), d.due, c.clock_paused)
                    else d.due end
        from (select time_limit_due('handle.' || c.severity, c.unit,
                                    c.clock_started_at)) d (due));
end
$$;

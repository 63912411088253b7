-- A case is overdue when it is open and its deadline towards the citizen has
-- passed, or had passed when the clock was paused.
create function feedback_overdue(c feedback.cases)
returns boolean
language sql stable
as $$
    select c.closed_at is null and c.resolved_at is null
           and c.due_at < coalesce(c.paused_at, core.now())
$$;

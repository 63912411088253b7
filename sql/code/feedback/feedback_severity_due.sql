-- When handling is due once its severity is another one ("old": the case as it
-- was): counted anew, but an extension stays. Its approver has decided on it,
-- and the citizen has been told.
create function feedback_severity_due(old feedback.cases, c feedback.cases)
returns timestamptz
language plpgsql stable
as $$
declare
    due  timestamptz := feedback_handle_due(c);
begin
    if old.due_at > feedback_handle_due(old) then
        return greatest(old.due_at, due);
    end if;

    return due;
end
$$;

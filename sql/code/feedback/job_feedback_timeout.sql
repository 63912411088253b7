-- A waiting state has waited long enough: a question without an answer lets
-- the clock go on, a resolved case closes by silence. args: case, the state
-- that was waited in, since when; a case that has moved on is left alone.
create function job_feedback_timeout(args jsonb)
returns void
language plpgsql volatile
as $$
declare
    old  feedback.cases;
    c    feedback.cases;
begin
    select x.* into old from feedback.cases x
    where x.id = (args ->> 'case')::uuid
    for update;

    if old.state is distinct from args ->> 'state'
       or coalesce(old.paused_at, old.resolved_at)
          is distinct from (args ->> 'since')::timestamptz
    then
        return;
    end if;

    c := old;

    if old.state = 'needs_info' then
        c := feedback_resume(old);
    else
        c.state := 'closed';
        c.closed_at := core.now();
    end if;

    perform feedback_apply('{"operation": "job_feedback_timeout"}', old, c,
                           'timeout', null, 'system', null, null, null);
end
$$;

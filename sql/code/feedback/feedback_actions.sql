-- The actions that the state machine allows from here to the given roles, but
-- those that are used up. (Until when the others may be taken stands beside
-- them: the end of a window changes no tag.)
create function feedback_actions(c feedback.cases, roles text[])
returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(a.code order by a.position), '[]')
        from feedback.actions a
        where exists (
            select from feedback.transitions t
            where t.action = a.code and t.from_state = c.state
              and t.who && roles
              and (t.from_state <> 'needs_info' or a.code = 'withdraw'
                   or t.to_state = c.previous_state)
              and (a.code <> 'withdraw' or c.started_at is null)
              and (a.code <> 'appeal' or c.appeals = 0)
              and (a.code <> 'extend'
                   or c.extensions < (setting('feedback.extensions'))::int)
              and (a.code <> 'rating' or not feedback_rating_final(c))
              and c.awaiting_approval = (t.from_state = 'in_progress'
                   and a.code in ('approve', 'return'))));
end
$$;

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
        where a.code in (
            select t.action
            from feedback.transitions t
            where t.from_state = c.state and t.who && roles
              and (t.from_state <> 'needs_info' or t.action = 'withdraw'
                   or t.to_state = c.previous_state)
              and (t.action <> 'withdraw' or c.started_at is null)
              and (t.action <> 'appeal' or c.appeals = 0)
              and (t.action <> 'extend'
                   or c.extensions < (setting('feedback.extensions'))::int)
              and (t.action <> 'rating' or not feedback_rating_final(c))
              and c.awaiting_approval = (t.from_state = 'in_progress'
                   and t.action in ('approve', 'return'))));
end
$$;

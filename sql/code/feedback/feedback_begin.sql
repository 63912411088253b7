-- How every action on a case begins: lock the case, find out in what role the
-- caller acts, compare If-Match, ask the state machine. Where code is not
-- null, the action returns refuse(code, members) and nothing was written.
--
-- Who may: feedback.transitions.who. The reporter is the reporter; assignee is
-- who the case is assigned to while still holding the role that the work needs
-- (resolve to resolve, process for the rest); the others are roles on the
-- case's unit or above it, today. A case that the public cannot see does not
-- exist for anybody who may not act on it (decision 0014).
create function feedback_begin(caller jsonb, id uuid, action text,
    if_match jsonb, out c feedback.cases, out person uuid, out role text,
    out code text, out members json)
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    who    text[];
    roles  text[];
begin
    -- First the person, then the case, as an erasure has them.
    person := caller_person_hold(caller);

    select x.* into c from feedback.cases x where x.id = id for update;

    if not found then
        code := 'not-found';
        return;
    end if;

    select array_agg(distinct w.who) into who
    from feedback.transitions t, unnest(t.who) w (who)
    where t.action = action;

    if person = c.reporter_id and 'reporter' = any (who) then
        role := 'reporter';

    elsif person is not null and who && array['assignee', 'receive', 'assign',
                                              'approve', 'oversee']
    then
        roles := officer_roles_on(person, c.unit);

        if person = c.assignee_id and 'assignee' = any (who)
           and (case when action = 'resolve' then 'resolve' else 'process' end)
               = any (roles)
        then
            role := 'assignee';
        else
            select r.role into role
            from unnest(roles) r (role) where r.role = any (who)
            order by r.role limit 1;
        end if;
    end if;

    if role is null then
        if who = array['reporter'] or not c.listed
           and not coalesce(cardinality(roles) > 0, false)
           and person is distinct from c.reporter_id
        then
            code := 'not-found';
        else
            code := 'not-permitted';
        end if;
        return;
    end if;

    if if_match is not null and if_match_misses(if_match, c.version::text) then
        code := 'precondition-failed';
        members := json_build_object('etag', c.version::text);
        return;
    end if;

    if not exists (select from feedback.transitions t
                   where t.from_state = c.state and t.action = action
                     and role = any (t.who))
    then
        code := 'illegal-transition';
        members := json_build_object('state', c.state, 'action', action);
        return;
    end if;

    -- a result that waits for its approver is not touched by others
    if c.awaiting_approval and action not in ('approve', 'return') then
        code := 'awaiting-approval';
    end if;
end
$$;

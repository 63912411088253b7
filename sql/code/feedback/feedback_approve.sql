-- The unit's approver, who is not who resolved it, decides on a result: lets
-- it go out or sends it back with a reason; or, after a look at the evidence,
-- closes a case that was resolved without waiting for the citizen.
create function feedback_approve(caller jsonb, id uuid, if_match jsonb,
    decision text, reason text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    c      feedback.cases;
    r      feedback.resolutions;
    words  text := text_clean(reason);
begin
    select * into b from feedback_begin(caller, id, decision, if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;

    if c.state = 'in_progress' and not c.awaiting_approval then
        return refuse('nothing-to-approve');
    end if;

    if c.resolved_by = b.person then
        return refuse('second-person-required');
    end if;

    if decision = 'return' then
        if words is null then
            return refuse('text-missing');
        end if;

        c.awaiting_approval := false;

        update feedback.resolutions x set returned_at = core.now()
        where x.case_id = c.id and x.cycle = c.cycle;

        return feedback_apply(caller, b.c, c, 'return', b.person, b.role,
                              words, null, null);
    end if;

    -- who let it go out stays, whoever closes the case after that
    update feedback.resolutions x
    set approved_by = coalesce(x.approved_by, b.person),
        approved_at = coalesce(x.approved_at, core.now())
    where x.case_id = c.id and x.cycle = c.cycle
    returning * into r;

    if c.state = 'resolved' then
        c.state := 'closed';
        c.closed_at := core.now();
    else
        c := feedback_resolved(c, r.answer, r.evidence::jsonb, r.resolved_by);
    end if;

    -- with its approval the answer is said
    return feedback_apply(caller, b.c, c, 'approve', b.person, b.role,
        case when c.state = 'resolved' then coalesce(words, r.answer) else words end,
        case when c.state = 'resolved' then c.answer_public end, null);
end
$$;

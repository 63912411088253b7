-- The citizen says that the matter is not settled, within a window and with a
-- reason; oversight may reopen at any time, by a token as good as every officer
-- needs (the contract cannot ask that of both). A new handle clock starts, the
-- first deadline and the first resolution stay for statistics. Source: decision 0014.
create function feedback_reopen(caller jsonb, id uuid, if_match jsonb,
    reason text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    c      feedback.cases;
    words  text := text_clean(reason);
begin
    select * into b from feedback_begin(caller, id, 'reopen', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if b.role = 'oversee'
       and caller ->> 'assurance' is distinct from 'verified'
    then
        return refuse('assurance-insufficient');
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    c := b.c;

    if b.role = 'reporter'
       and core.now() > c.resolved_at + setting_days('feedback.reopen_days')
    then
        return refuse('window-over');
    end if;

    c.state := 'reopened';
    c.cycle := c.cycle + 1;
    c.rating := null;
    c.resolved_at := null;
    c.resolved_by := null;
    c.closed_at := null;
    c.planned_on := null;
    c.clock_started_at := core.now();
    c.clock_paused := '0';
    c.due_at := time_limit_due('handle.' || c.severity, c.unit, core.now());
    c.unit_due_at := c.due_at;

    return feedback_apply(caller, b.c, c, 'reopen', b.person, b.role, words,
        text_mask(words), jsonb_build_object(
            'resolved_at', (b.c).resolved_at, 'score', (b.c).rating));
end
$$;

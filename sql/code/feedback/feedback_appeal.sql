-- The citizen appeals a refusal: once, within a window, with a reason. The
-- case is submitted again with a new receive clock; accept and refuse see to
-- it that somebody else reviews it. Source: decision 0014.
create function feedback_appeal(caller jsonb, id uuid, if_match jsonb,
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
    select * into b from feedback_begin(caller, id, 'appeal', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    c := b.c;

    if c.appeals > 0 then
        return refuse('appeal-used');
    end if;

    if core.now() > c.closed_at + setting_days('feedback.appeal_days') then
        return refuse('window-over');
    end if;

    c.state := 'submitted';
    c.appeals := 1;
    c.reason_code := null;
    c.reason_public := null;
    c.competent_body := null;
    c.assignee_id := null;
    c.closed_at := null;
    c.receive_due_at := time_limit_due('receive', c.unit, core.now());
    c.due_at := c.receive_due_at;
    c.unit_due_at := c.receive_due_at;
    c.clock_started_at := core.now();
    c.clock_paused := '0';

    return feedback_apply(caller, b.c, c, 'appeal', b.person, b.role, words,
        null, jsonb_build_object('refused_as', (b.c).reason_code));
end
$$;

-- An officer asks the citizen. The clock that runs pauses until the answer, or
-- for the setting feedback.info_days at most. Question and answer are between
-- the two: the public sees that information is waited for, not which.
create function feedback_ask(caller jsonb, id uuid, if_match jsonb,
    question text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    c      feedback.cases;
    words  text := text_clean(question);
begin
    select * into b from feedback_begin(caller, id, 'ask', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    c := b.c;
    c.previous_state := c.state;
    c.state := 'needs_info';
    c.paused_at := core.now();

    return feedback_apply(caller, b.c, c, 'ask', b.person, b.role,
                          words, null, null);
end
$$;

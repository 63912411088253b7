-- The approver above extends the deadline towards the citizen: with a reason
-- that the public reads, to a later time, a limited number of times. The
-- original deadline stays: on-time rates use it. Source: decision 0014.
create function feedback_extend(caller jsonb, id uuid, if_match jsonb,
    due_at timestamptz, reason text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    c      feedback.cases;
    words  text := text_clean(reason);
begin
    select * into b from feedback_begin(caller, id, 'extend', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    c := b.c;

    if c.extensions >= (setting('feedback.extensions'))::int then
        return refuse('extensions-used');
    end if;

    if due_at <= c.due_at or due_at <= core.now()
       or due_at > core.now() + interval '1 year'
    then
        return refuse('date-passed');
    end if;

    c.extensions := c.extensions + 1;
    c.due_at := due_at;
    c.unit_due_at := greatest(c.unit_due_at, due_at);

    return feedback_apply(caller, b.c, c, 'extend', b.person, b.role, words,
        text_mask(words), jsonb_build_object('from_due_at', (b.c).due_at));
end
$$;

-- The citizen takes a report back, as long as nobody has begun to work on it.
-- It leaves the public list unless the citizen lets it stand.
create function feedback_withdraw(caller jsonb, id uuid, if_match jsonb,
    reason text, keep_public boolean)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b  record;
    c  feedback.cases;
begin
    select * into b from feedback_begin(caller, id, 'withdraw', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;

    -- a question may have interrupted work that had begun
    if c.started_at is not null then
        return refuse('illegal-transition', json_build_object(
            'state', coalesce(c.previous_state, c.state), 'action', 'withdraw'));
    end if;

    c.state := 'withdrawn';
    c.previous_state := null;
    c.paused_at := null;
    c.closed_at := core.now();
    c.listed := c.listed and coalesce(keep_public, false);

    return feedback_apply(caller, b.c, c, 'withdraw', b.person, b.role,
                          text_clean(reason), null, null);
end
$$;

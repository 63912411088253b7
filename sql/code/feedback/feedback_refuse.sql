-- What reject and not_competent share: a code from the list and words that
-- explain it, both public (as is the competent body); the clock stops; after an
-- appeal, somebody else than last time decides.
create function feedback_refuse(caller jsonb, id uuid, action text,
    to_state text, if_match jsonb, reason_code text, reason text,
    competent_body text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    c      feedback.cases;
    words  text := text_clean(reason);
    body   text := text_mask(competent_body);
begin
    select * into b from feedback_begin(caller, id, action, if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if not reason_known(reason_code, action) then
        return refuse('unknown-reason');
    end if;

    if words is null or competent_body is not null and body is null then
        return refuse('text-missing');
    end if;

    c := b.c;

    if c.appeals > 0 and c.decided_by = b.person then
        return refuse('second-person-required');
    end if;

    c.state := to_state;
    c.reason_code := reason_code;
    c.reason_public := coalesce(text_mask(words), '—');
    c.competent_body := body;
    c.decided_by := b.person;
    c.closed_at := core.now();

    return feedback_apply(caller, b.c, c, action, b.person, b.role,
        words, c.reason_public, jsonb_build_object('reason_code', reason_code));
end
$$;

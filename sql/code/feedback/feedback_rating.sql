-- The citizen rates how the case was handled: once for each resolution,
-- within a window, changeable once; low scores with reasons from the list.
-- The comment is for the unit, not for the public.
create function feedback_rating(caller jsonb, id uuid, if_match jsonb,
    score int8, reasons jsonb, comment text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b       record;
    c       feedback.cases;
    given   feedback.ratings;
    why     text[] := array(select distinct e.code
                            from jsonb_array_elements_text(
                                     coalesce(reasons, '[]')) e (code)
                            order by e.code);
    words   text := text_clean(comment);
begin
    select * into b from feedback_begin(caller, id, 'rating', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;

    if core.now() > c.resolved_at + setting_days('feedback.rating_days') then
        return refuse('window-over');
    end if;

    if exists (select from unnest(why) w (code)
               where not reason_known(w.code, 'rating'))
    then
        return refuse('unknown-reason');
    end if;

    if feedback_rating_final(c) then
        return refuse('rating-final');
    end if;

    select r.* into given from feedback.ratings r
    where r.case_id = c.id and r.cycle = c.cycle;

    insert into feedback.ratings as r
           (case_id, cycle, score, reasons, comment, created_at)
    values (c.id, c.cycle, score, why, words, core.now())
    on conflict (case_id, cycle) do update
    set score = excluded.score, reasons = excluded.reasons,
        comment = excluded.comment, changed_at = core.now(),
        changes = r.changes + 1;

    c.rating := score;

    return feedback_apply(caller, b.c, c, 'rating', b.person, b.role,
        null, null, jsonb_build_object('score', score, 'reasons', why,
                                       'previous_score', given.score));
end
$$;

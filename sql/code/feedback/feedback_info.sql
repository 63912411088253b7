-- The citizen answers: the case goes back to where it was, the clock goes on.
create function feedback_info(caller jsonb, id uuid, if_match jsonb, text text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b      record;
    words  text := text_clean(text);
begin
    select * into b from feedback_begin(caller, id, 'info', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    return feedback_apply(caller, b.c, feedback_resume(b.c), 'info', b.person,
                          b.role, words, null, null);
end
$$;

-- The citizen confirms that the matter is settled: the case closes.
create function feedback_confirm(caller jsonb, id uuid, if_match jsonb)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b  record;
    c  feedback.cases;
begin
    select * into b from feedback_begin(caller, id, 'confirm', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;
    c.state := 'closed';
    c.closed_at := core.now();

    return feedback_apply(caller, b.c, c, 'confirm', b.person, b.role,
                          null, null, null);
end
$$;

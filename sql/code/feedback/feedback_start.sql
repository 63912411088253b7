-- The assignee begins the work: from here on the citizen can no longer
-- withdraw the case.
create function feedback_start(caller jsonb, id uuid, if_match jsonb)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b  record;
    c  feedback.cases;
begin
    select * into b from feedback_begin(caller, id, 'start', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;
    c.state := 'in_progress';
    c.started_at := coalesce(c.started_at, core.now());

    return feedback_apply(caller, b.c, c, 'start', b.person, b.role,
                          null, null, null);
end
$$;

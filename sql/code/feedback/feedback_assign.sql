-- An officer with the role assign (or receive, where a unit has not told the
-- two apart) gives the case to a colleague who may process in the unit; also later, when somebody else takes over.
create function feedback_assign(caller jsonb, id uuid, if_match jsonb,
    assignee uuid)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b  record;
    c  feedback.cases;
begin
    select * into b from feedback_begin(caller, id, 'assign', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;

    if not officer_may(assignee, c.unit, 'process') then
        return refuse('assignee-not-eligible');
    end if;

    c.assignee_id := assignee;

    if c.state in ('accepted', 'reopened') then
        c.state := 'assigned';
    end if;

    return feedback_apply(caller, b.c, c, 'assign', b.person, b.role,
                          null, null, null);
end
$$;

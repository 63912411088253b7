-- The assignee says on which day the work is planned; a new day when it moves.
-- The clock goes on: a plan is no extension.
create function feedback_schedule(caller jsonb, id uuid, if_match jsonb,
    planned_on date)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b  record;
    c  feedback.cases;
begin
    select * into b from feedback_begin(caller, id, 'schedule', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if planned_on < core.today() then
        return refuse('date-passed');
    end if;

    c := b.c;
    c.state := 'scheduled';
    c.planned_on := planned_on;

    return feedback_apply(caller, b.c, c, 'schedule', b.person, b.role,
        null, null, jsonb_build_object('planned_on', planned_on));
end
$$;

-- The receiving officer takes the case and sets or confirms its severity: the
-- receive clock stops, the handle clock starts (4 working hours for urgent
-- cases, from receipt; QĐ 1207/QĐ-UBND). The text becomes public, masked; the
-- officer may give a better public text (a machine does not know names), which
-- is masked too. After a transfer only the unit's clock starts anew: the
-- citizen's never does, but follows a severity that is corrected. A case that
-- was refused and appealed is not reviewed by who refused it. Source: decision 0014.
create function feedback_accept(caller jsonb, id uuid, if_match jsonb,
    severity text, text_public text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b       record;
    c       feedback.cases;
    r       feedback.reports;
    better  text := text_mask(text_public);
begin
    select * into b from feedback_begin(caller, id, 'accept', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;

    if c.appeals > 0 and c.decided_by = b.person then
        return refuse('second-person-required');
    end if;

    c.state := 'accepted';
    c.severity := severity;
    c.accepted_by := b.person;

    if (b.c).state = 'submitted' then
        c.clock_started_at := core.now();
        c.clock_paused := '0';
        c.accepted_at := coalesce(c.accepted_at, core.now());
        c.due_at := time_limit_due('handle.' || severity, c.unit, core.now());
        c.due_original_at := coalesce(c.due_original_at, c.due_at);
        c.unit_due_at := c.due_at;
    else
        if severity <> (b.c).severity then
            c.due_at := feedback_due_since(c, c.clock_started_at);
        end if;
        c.unit_due_at := time_limit_due('handle.' || severity, c.unit, core.now());
    end if;

    if c.published_at is null or better is not null then
        select x.* into r from feedback.reports x where x.case_id = c.id;
        c.text_public := coalesce(better, text_mask(r.text));
        -- Of an erased account there is only what the public has read.
        c.address_public := (
            select feedback_public_address(coalesce(r.address, c.address_public), k.blur_m)
            from core.categories k where k.code = c.category);
        c.published_at := coalesce(c.published_at, core.now());
    end if;

    return feedback_apply(caller, b.c, c, 'accept', b.person, b.role,
                          null, null, null);
end
$$;

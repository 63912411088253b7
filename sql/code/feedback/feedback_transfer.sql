-- The receiving officer passes a case on to another unit. The citizen's clock
-- goes on, the new unit's own starts. The unit that got it may send it back
-- once, to where it came from; after that, and about anything else, the
-- lowest unit above both decides, and what it decided is not sent back.
-- Source: decision 0014.
create function feedback_transfer(caller jsonb, id uuid, if_match jsonb,
    unit text, reason_code text, reason text)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    b        record;
    c        feedback.cases;
    target   record;
    above    uuid;
    decides  boolean;
    words    text := text_clean(reason);
begin
    select * into b from feedback_begin(caller, id, 'transfer', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    c := b.c;

    select u.id, u.code into target
    from core.units u
    where u.code = unit and u.validity @> core.today();

    if not found then
        return refuse('unknown-unit');
    end if;

    if not reason_known(reason_code, 'transfer') then
        return refuse('unknown-reason');
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    if target.id = c.unit then
        return refuse('same-unit');
    end if;

    above := unit_common_ancestor(c.unit, target.id);
    decides := above is not null and above not in (c.unit, target.id)
               and officer_may(b.person, above, 'receive');

    if not decides and c.bounces > 0 then
        return refuse('common-ancestor-decides');
    end if;

    if c.state = 'transferred' and not decides
       and target.id is distinct from c.transferred_from
    then
        return refuse('bounce-goes-back');
    end if;

    if decides or c.state = 'transferred' then
        c.bounces := 1;
    end if;

    c.state := 'transferred';
    c.transferred_from := c.unit;
    c.unit := target.id;
    c.unit_code := target.code;
    c.unit_brief := unit_brief(target.id, core.today());
    c.routed_by := case when decides then 'decision' else 'transfer' end;
    c.assignee_id := null;
    c.unit_due_at := time_limit_due('receive', c.unit, core.now());

    return feedback_apply(caller, b.c, c, 'transfer', b.person, b.role,
        words, text_mask(words), jsonb_build_object(
            'reason_code', reason_code, 'decided', decides,
            'bounced', (b.c).state = 'transferred' and not decides));
end
$$;

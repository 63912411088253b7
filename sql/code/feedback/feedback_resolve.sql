-- The assignee with the role resolve answers, and proves it: text and evidence
-- (a description and a link to a stored document) unless the category is
-- exempt. Answers without proof left a third of the real platform's users
-- dissatisfied. Where an approval is configured for the
-- unit (feedback.approvals), the result waits for the approver and the public
-- sees nothing of it yet; otherwise the clock stops and the citizen is asked
-- to confirm.
create function feedback_resolve(caller jsonb, id uuid, if_match jsonb,
    answer text, evidence jsonb)
returns core.reply
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    today  constant date := core.today();    -- once, not for each row
    b      record;
    c      feedback.cases;
    words  text := text_clean(answer);
    proof  jsonb;
begin
    select * into b from feedback_begin(caller, id, 'resolve', if_match);

    if b.code is not null then
        return refuse(b.code, b.members);
    end if;

    if words is null then
        return refuse('text-missing');
    end if;

    select coalesce(jsonb_agg(jsonb_build_object(
               'text', text_clean(e.item ->> 'text'),
               'link', e.item ->> 'link') order by e.n), '[]')
    into proof
    from jsonb_array_elements(coalesce(evidence, '[]'))
         with ordinality e (item, n)
    where text_clean(e.item ->> 'text') is not null;

    c := b.c;

    if jsonb_array_length(proof) = 0 and not c.evidence_exempt then
        return refuse('evidence-missing');
    end if;

    insert into feedback.resolutions as r
           (case_id, cycle, answer, evidence, resolved_by, resolved_at)
    values (c.id, c.cycle, words, proof, b.person, core.now())
    on conflict (case_id, cycle) do update
    set answer = excluded.answer, evidence = excluded.evidence,
        resolved_by = excluded.resolved_by, resolved_at = excluded.resolved_at,
        returned_at = null;

    if exists (select from feedback.approvals a
               where a.validity @> today
                 and (a.category is null or a.category = c.category)
                 and a.unit in (select u.id from unit_ancestors(c.unit, today) u))
    then
        c.awaiting_approval := true;
        c.resolved_by := b.person;
    else
        c := feedback_resolved(c, words, proof, b.person);
    end if;

    return feedback_apply(caller, b.c, c, 'resolve', b.person, b.role, words,
        case when c.state = 'resolved' then c.answer_public end,
        jsonb_build_object('evidence', jsonb_array_length(proof),
                           'awaiting_approval', c.awaiting_approval));
end
$$;

-- How every action on a case ends, all in its one transaction: the event in
-- the case's chain and the outbox, what was said, the row (whose trigger
-- allows legal moves only), the search index, the time-out of a waiting state.
-- Returns the answer: the reporter's view for the reporter, else the desk's.
--
--   c       the case as it becomes; state set, version and times set here
--   words   what was said, or null; shown: its public form, or null
--   extra   members of the event beside those that every event has
create function feedback_apply(caller jsonb, old feedback.cases,
    c feedback.cases, action text, person uuid, role text, words text,
    shown text, extra jsonb)
returns core.reply
language plpgsql volatile
as $$
declare
    seq    bigint;
    waits  text;
begin
    c.last_action := action;
    c.version := old.version + 1;
    c.updated_at := core.now();

    seq := feedback_record(caller, old, c, person, role, extra);

    if words is not null then
        insert into feedback.messages (case_id, seq, action, created_at,
                                       author, text, public)
        values (c.id, seq, action, c.updated_at, person, words, shown);
    end if;

    update feedback.cases x
    set updated_at = c.updated_at, version = c.version, state = c.state,
        last_action = c.last_action, previous_state = c.previous_state,
        listed = c.listed, cycle = c.cycle, category = c.category,
        severity = c.severity, commune = c.commune,
        commune_brief = c.commune_brief, lat = c.lat, long = c.long,
        address_public = c.address_public, located_by = c.located_by,
        unit = c.unit, unit_code = c.unit_code, unit_brief = c.unit_brief,
        routed_by = c.routed_by, transferred_from = c.transferred_from,
        bounces = c.bounces, text_public = c.text_public,
        published_at = c.published_at, answer_public = c.answer_public,
        evidence_public = c.evidence_public,
        evidence_exempt = c.evidence_exempt, reason_code = c.reason_code,
        reason_public = c.reason_public, competent_body = c.competent_body,
        assignee_id = c.assignee_id, planned_on = c.planned_on,
        awaiting_approval = c.awaiting_approval, accepted_by = c.accepted_by,
        decided_by = c.decided_by, resolved_by = c.resolved_by,
        appeals = c.appeals, rating = c.rating,
        receive_due_at = c.receive_due_at, due_at = c.due_at,
        due_original_at = c.due_original_at, extensions = c.extensions,
        unit_due_at = c.unit_due_at, clock_started_at = c.clock_started_at,
        clock_paused = c.clock_paused, paused_at = c.paused_at,
        accepted_at = c.accepted_at, started_at = c.started_at,
        resolved_at = c.resolved_at, closed_at = c.closed_at
    where x.id = c.id;

    if c.text_public is distinct from old.text_public
       or c.address_public is distinct from old.address_public
       or c.category <> old.category or c.commune <> old.commune
    then
        perform feedback_index(c);
    end if;

    if c.state <> old.state then
        waits := case c.state when 'needs_info' then 'feedback.info_days'
                              when 'resolved' then 'feedback.confirm_days' end;

        if waits is not null then
            perform job_put('feedback_timeout', c.id::text,
                c.updated_at + make_interval(days => setting(waits)::int),
                jsonb_build_object('case', c.id, 'state', c.state,
                                   'since', c.updated_at));
        elsif old.state in ('needs_info', 'resolved') then
            perform job_cancel('feedback_timeout', c.id::text);
        end if;
    end if;

    return row(200, feedback_etag(c), null,
               case when role = 'reporter' then feedback_mine(c)
                    else feedback_desk(c) end)::core.reply;
end
$$;

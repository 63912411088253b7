-- A case as the officers of its unit see it: everything but, where a category
-- that it has or had says so, who reported it: whom a category hid when they
-- wrote is not shown by a change of it. All clocks, and what an officer may do
-- from here (who may do it is checked when it is done).
create function feedback_desk(c feedback.cases)
returns json
language plpgsql stable
as $$
begin
    return (
        select row_to_json(b)
        from (
            select c.id, c.code, c.state, c.category, c.severity,
                   c.severity_proposed, c.asset, c.channel,
                   c.commune_brief as commune, c.unit_brief as unit,
                   c.routed_by, c.located_by,
                   r.lat, r.long, r.address, r.text, c.text_public, c.listed,
                   case when not feedback_reporter_hidden(c) then
                       (select row_to_json(p)
                        from (select l.full_name, l.phone
                              from core.personal l
                              where l.person = c.reporter_id) p) end as reporter,
                   c.assignee_id as assignee, c.planned_on,
                   (select row_to_json(x)
                    from (select s.answer, s.evidence, s.resolved_by,
                                 s.resolved_at, s.approved_by, s.approved_at,
                                 s.returned_at
                          from feedback.resolutions s
                          where s.case_id = c.id and s.cycle = c.cycle) x) as resolution,
                   c.awaiting_approval, c.reason_code,
                   c.reason_public as reason, c.competent_body,
                   (select row_to_json(g)
                    from (select g.score, g.reasons, g.comment, g.changes
                          from feedback.ratings g
                          where g.case_id = c.id and g.cycle = c.cycle) g) as rating,
                   c.cycle, c.bounces, c.appeals, c.extensions,
                   c.created_at, c.updated_at, c.accepted_at, c.started_at,
                   c.resolved_at, c.closed_at, c.receive_due_at, c.due_at,
                   c.due_original_at, c.unit_due_at, c.paused_at,
                   feedback_overdue(c) as overdue,
                   feedback_said(c, false) as messages,
                   feedback_actions(c, '{assignee,receive,assign,approve,oversee}')
                       as actions,
                   c.version
            from feedback.reports r
            where r.case_id = c.id
        ) b);
end
$$;

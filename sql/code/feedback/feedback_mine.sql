-- A case as its reporter sees it: what the public sees, the own words and
-- place, the conversation, what can be done next and until when.
create function feedback_mine(c feedback.cases)
returns json
language plpgsql stable
as $$
begin
    return (
        select row_to_json(b)
        from (
            select c.id, c.code, c.state, c.category, c.severity,
                   c.commune_brief as commune, c.unit_brief as unit,
                   r.lat, r.long, r.address, r.text,
                   c.text_public, c.listed, c.answer_public as answer,
                   c.evidence_public as evidence, c.reason_code,
                   c.reason_public as reason, c.competent_body, c.planned_on,
                   (select row_to_json(g)
                    from (select g.score, g.reasons, g.comment, g.changes
                          from feedback.ratings g
                          where g.case_id = c.id and g.cycle = c.cycle) g) as rating,
                   c.cycle, c.created_at, c.updated_at, c.accepted_at,
                   c.resolved_at, c.closed_at, c.due_at,
                   c.paused_at is not null as paused,
                   feedback_overdue(c) as overdue,
                   case when c.state in ('resolved', 'closed')
                             and not feedback_rating_final(c)
                        then c.resolved_at + setting_days('feedback.rating_days')
                        end as rate_until,
                   case when c.state in ('resolved', 'closed')
                        then c.resolved_at + setting_days('feedback.reopen_days')
                        end as reopen_until,
                   case when c.state in ('rejected', 'not_competent')
                             and c.appeals = 0
                        then c.closed_at + setting_days('feedback.appeal_days')
                        end as appeal_until,
                   feedback_said(c, true) as messages,
                   feedback_actions(c, '{reporter}') as actions,
                   c.version
            from feedback.reports r
            where r.case_id = c.id
        ) b);
end
$$;

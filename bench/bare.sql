-- The document that feedback_read() selects, member for member, without the
-- function, its ETag and the gateway's clock: the yardstick of its cost under
-- pgbench. :id is pgbench's.
select row_to_json(b)
from (select c.id, c.code, c.state, c.category, c.severity,
             c.commune_brief as commune, c.unit_brief as unit,
             c.lat, c.long, c.address_public as address,
             c.text_public as text, c.answer_public as answer,
             c.evidence_public as evidence, c.reason_code,
             c.reason_public as reason, c.competent_body, c.planned_on,
             c.rating, c.cycle, c.created_at, c.updated_at, c.accepted_at,
             c.resolved_at, c.closed_at, c.due_at,
             c.paused_at is not null as paused,
             c.closed_at is null and c.resolved_at is null
                 and c.due_at < coalesce(c.paused_at, now()) as overdue,
             c.version
      from feedback.cases c where c.id = :id::uuid) b

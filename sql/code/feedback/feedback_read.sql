-- GET /v1/feedback/{id}: what everybody may read of a case, and nothing else.
-- The hottest statement of the gateway: it inlines (no function scan, no
-- subplan), costs one index lookup, and touches neither what was written nor
-- who wrote it. What the public may not see is not there: no row, 404.
create function feedback_read(caller jsonb, id uuid)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200,
           case when b.overdue then b.version || '-o' else b.version::text end,
           row_to_json(b)
    from (
        select c.id, c.code, c.state, c.category, c.severity,
               c.commune_brief as commune, c.unit_brief as unit,
               c.lat, c.long, c.address_public as address,
               c.text_public as text, c.answer_public as answer,
               c.evidence_public as evidence, c.reason_code,
               c.reason_public as reason, c.competent_body, c.planned_on,
               c.rating, c.cycle, c.created_at, c.updated_at, c.accepted_at,
               c.resolved_at, c.closed_at, c.due_at,
               c.paused_at is not null as paused,
               c.closed_at is null and c.resolved_at is null
                   and c.due_at < coalesce(c.paused_at, core.now()) as overdue,
               c.version
        from feedback.cases c
        where c.id = feedback_read.id and c.listed
    ) b
$$;

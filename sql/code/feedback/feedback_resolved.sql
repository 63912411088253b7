-- A case whose result goes out to the citizen and the public.
create function feedback_resolved(c feedback.cases, answer text,
    evidence jsonb, resolver uuid)
returns feedback.cases
language plpgsql stable
as $$
begin
    c.state := 'resolved';
    c.awaiting_approval := false;
    c.answer_public := coalesce(text_mask(answer), '—');
    c.evidence_public := feedback_evidence_public(evidence);
    c.resolved_by := resolver;
    c.resolved_at := core.now();

    return c;
end
$$;

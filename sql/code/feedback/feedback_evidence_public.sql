-- The public form of evidence: a list of {text, link}, texts masked. Links
-- name stored documents and stay as they are.
create function feedback_evidence_public(evidence jsonb)
returns json
language plpgsql immutable
as $$
begin
    return (
        select coalesce(json_agg(json_build_object(
                   'text', coalesce(text_mask(e.item ->> 'text'), '—'),
                   'link', e.item ->> 'link') order by e.n), '[]')
        from jsonb_array_elements(coalesce(evidence, '[]'))
             with ordinality e (item, n));
end
$$;

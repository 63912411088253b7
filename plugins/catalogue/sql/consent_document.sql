-- A consent as its person sees it; whether it is current is for who knows what the
-- service asks now.
create function consent_document(id uuid)
returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
               'id', c.id, 'service', c.service, 'purpose', c.purpose,
               'version', c.version, 'title', p.title, 'data', p.data,
               'assurance', c.assurance, 'given_at', c.given_at,
               'stands', c.ended_at is null, 'ended_at', c.ended_at,
               'ended', c.ended, 'done_at', c.done_at))
      from consents c
      join purposes p on (p.service, p.name, p.version) = (c.service, c.purpose, c.version)
     where c.id = consent_document.id
$$;

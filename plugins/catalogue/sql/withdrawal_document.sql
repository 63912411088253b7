-- A withdrawn consent as its service sees it. stands: the person has agreed again
-- since then, so that the data may stay.
create function withdrawal_document(c consents)
returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
               'id', c.id, 'person', c.person, 'purpose', c.purpose, 'version', c.version,
               'withdrawn_at', c.ended_at, 'done_at', c.done_at,
               'stands', consent_standing(c.person, c.service, c.purpose) is not null))
$$;

-- A consent as clients see it.
create function consent_document(c core.consents)
returns json
language sql stable
as $$
    select json_build_object('id', c.id, 'notice', c.notice, 'hash', c.hash,
                             'language', c.language, 'given', c.given, 'at', c.at)
$$;

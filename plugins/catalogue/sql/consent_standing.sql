-- {version, given_at} of the consent that stands, or null.
create function consent_standing(person text, service text, purpose text)
returns jsonb
language sql stable
as $$
    select jsonb_build_object('version', c.version, 'given_at', c.given_at)
      from consents c
     where (c.person, c.service, c.purpose)
         = (consent_standing.person, consent_standing.service, consent_standing.purpose)
       and c.ended_at is null
$$;

-- The tag of /v1/me: the account's version, and behind it what the answer says.
-- Roles begin and end by date, a new notice asks for consent anew, a token says
-- its assurance: all without a change of the account. If-Match looks at the
-- version alone.
create function me_etag(person uuid, document json)
returns text
language sql stable
as $$
    select me_version(person) || '-' || md5(document::text)
$$;

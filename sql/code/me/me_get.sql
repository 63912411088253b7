-- GET /v1/me. Reads only: an account is made by the first write. The ETag is
-- the account's version, all zeros before there is one.
create function me_get(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, me_etag(m.person), me_document(caller, m.person)
    from (select caller_person(caller)) m (person)
$$;

-- GET /v1/me. Reads only: an account is made by the first write. The version in
-- the ETag is all zeros before there is one.
create function me_get(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, me_etag(b.person, b.body), b.body
    from (
        select m.person, me_document(caller, m.person) as body
        from (select caller_person(caller)) m (person)
        offset 0    -- once: the planner would copy it into the hash
    ) b
$$;

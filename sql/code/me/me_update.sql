-- PATCH /v1/me: the caller's own words about themselves, as a merge patch: a
-- member that is missing stays, null removes it. Makes the account. Keeping
-- personal data needs consent to the privacy notice that holds now; the
-- language alone does not.
create function me_update(caller jsonb, if_match jsonb, body jsonb)
returns core.reply
language plpgsql
as $$
declare
    me        uuid := caller_person_lock(caller);
    changed   text[];
    document  json;
begin
    if if_match is not null and if_match_misses(if_match, me_version(me)) then
        return refuse('precondition-failed');
    end if;

    if (body - 'language') <> '{}' and not consent_given(me) then
        return refuse('consent-required',
                      json_build_object('notice', privacy_notice_now()));
    end if;

    if body ->> 'commune' is not null and not exists (
        select from geo.areas a
        where a.code = body ->> 'commune' and a.validity @> core.today())
    then
        return refuse('unknown-commune', json_build_object('commune', body ->> 'commune'));
    end if;

    -- In one spelling, as whatever is compared and searched; but the few letters of which NFC
    -- makes two may not make a text longer than the contract has let pass.
    select jsonb_object_agg(b.key, case when b.key = 'phone' then phone_normal(b.value)
                                        when b.key in ('full_name', 'address')
                                             and length(text_clean(b.value)) <= length(b.value)
                                        then text_clean(b.value)
                                        else b.value end)
      into body
    from jsonb_each_text(body) b (key, value);

    me := caller_person_ensure(caller);

    insert into core.personal (person) values (me)
    on conflict (person) do nothing;

    -- What changed is audited by the names of the members, never the values.
    select coalesce(array_agg(b.key order by b.key), '{}') into changed
    from core.personal l,
         jsonb_each_text(body) b (key, value)
    where l.person = me
      and to_jsonb(l) ->> b.key is distinct from b.value;

    if changed <> '{}' then
        update core.personal l
        set full_name = case when body ? 'full_name' then body ->> 'full_name' else l.full_name end,
            phone = case when body ? 'phone' then body ->> 'phone' else l.phone end,
            email = case when body ? 'email' then body ->> 'email' else l.email end,
            address = case when body ? 'address' then body ->> 'address' else l.address end,
            commune = case when body ? 'commune' then body ->> 'commune' else l.commune end,
            birth_year = case when body ? 'birth_year' then (body ->> 'birth_year')::int else l.birth_year end,
            language = case when body ? 'language' then body ->> 'language' else l.language end,
            updated_at = core.now()
        where l.person = me;

        update core.people p set version = p.version + 1 where p.id = me;

        perform event_record(caller, me, 'person', me, 'updated', null, 'self',
                             jsonb_build_object('members', changed));
    end if;

    document := me_document(caller, me);
    return row(200, me_etag(me, document), null, document)::core.reply;
end
$$;

-- Gives a consent to one version of a purpose; what stands for another version is
-- replaced by it, and what stands for this one is left alone.
--
-- {new, consent}, or {code}: the text is not the one that others have seen under
-- this version.
create function consent_give(id uuid, person text, service text, purpose text, version int,
                             title jsonb, data jsonb, assurance text, language text)
returns jsonb
language plpgsql
as $$
#variable_conflict use_variable
declare
    standing  consents;
begin
    insert into purposes values (service, purpose, version, title, data) on conflict do nothing;

    perform from purposes p
      where (p.service, p.name, p.version) = (service, purpose, version)
        and (p.title, p.data) = (title, data);

    if not found then
        return jsonb_build_object('code', 'purpose-text');
    end if;

    -- Locks the row, and makes one where that of an erased account has just gone.
    insert into people as p (subject) values (person)
    on conflict on constraint people_pkey do update set subject = p.subject;

    select * into standing from consents c
     where (c.person, c.service, c.purpose) = (person, service, purpose)
       and c.ended_at is null;

    if standing.version = version then
        return jsonb_build_object('new', false, 'consent', consent_document(standing.id));
    end if;

    update consents c
       set ended_at = greatest(clock_timestamp(), c.given_at), ended = 'replaced'
     where c.id = standing.id;

    insert into consents (id, person, service, purpose, version, assurance, language)
    values (id, person, service, purpose, version, assurance, language);

    return jsonb_build_object('new', true, 'consent', consent_document(id));
end
$$;

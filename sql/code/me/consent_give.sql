-- POST /v1/me/consents: gives consent to the privacy notice that holds now, or
-- withdraws it. Every decision is a row that stays, with the hash of the words
-- and the language they were read in. Withdrawing takes away the reason to
-- keep personal data, so they are erased with it.
create function consent_give(caller jsonb, notice text, given boolean)
returns core.reply
language plpgsql
as $$
declare
    me    uuid;
    made  core.consents;
begin
    if notice is distinct from privacy_notice_now() then
        return refuse('unknown-notice',
                      json_build_object('notice', privacy_notice_now()));
    end if;

    perform caller_person_lock(caller);
    me := caller_person_ensure(caller);

    insert into core.consents (person, notice, hash, language, given, request_id)
    select me, n.version, n.hash, caller ->> 'lang', consent_give.given,
           caller ->> 'request_id'
    from core.privacy_notices n
    where n.version = consent_give.notice
    returning * into made;

    if not given then
        perform personal_erase(me);
    end if;

    update core.people p set version = p.version + 1 where p.id = me;

    perform event_record(caller, me, 'person', me,
                         case when given then 'consented' else 'consent_withdrawn' end,
                         null, 'self', jsonb_build_object('notice', notice));

    return row(201, null, '/v1/me/consents', consent_document(made))::core.reply;
end
$$;

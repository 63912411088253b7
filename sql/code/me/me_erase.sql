-- DELETE /v1/me: erases the account's personal data for good. Cases, audit and
-- statistics stay, linked to an id that leads to nobody; the subject is
-- removed from it, so a later login of the same person starts afresh.
--
-- Other services take part by a function erase_person_<service>(person uuid)
-- of their own: each is called, and one that fails undoes the whole. Plugins
-- hear person.erased, whose subject waits for them in core.erasures.
create function me_erase(caller jsonb)
returns core.reply
language plpgsql
as $$
declare
    me      uuid;
    eraser  text;
    held    uuid;
begin
    -- The roles go too: first the rosters that have them, in one order for all.
    perform roster_lock(u.unit)
    from (select distinct g.unit from core.officer_grants g
          where g.person = caller_person(caller) and g.revoked_at is null
          order by g.unit) u;

    -- Plugins may know who has written nothing here. An account that another
    -- request has just made is locked as any other.
    perform caller_person_lock(caller);
    perform caller_person_ensure(caller);
    me := caller_person_lock(caller);

    for eraser in
        select p.proname
        from pg_proc p
        where p.pronamespace = current_schema()::regnamespace
          and p.proname like 'erase\_person\_%'
        order by p.proname
    loop
        execute format('select %I(person => $1)', eraser) using me;
    end loop;

    perform personal_erase(me);

    for held in
        select g.id from core.officer_grants g
        where g.person = me and g.revoked_at is null
          and (g.valid_to is null or g.valid_to >= core.today())
    loop
        perform grant_revoke(caller, me, 'self', held, 'account erased');
    end loop;

    perform event_record(caller, me, 'person', me, 'erased', null, 'self', '{}');

    insert into core.erasures (person, subject)
    select me, (caller ->> 'iss') || ' ' || (caller ->> 'sub')
    where exists (select from core.plugin_subscriptions s
                  where s.topic = 'person' and s.event = 'erased')
    on conflict do nothing;

    update core.people p
    set issuer = null, subject = null, erased_at = core.now(),
        version = p.version + 1
    where p.id = me;

    return row(204, null, null, null)::core.reply;
end
$$;

-- Withdraws what stands, and tells the service in the same transaction: the event
-- has the consent's id, and who that was only the service can ask for
-- (withdrawal_read).
--
-- {ended, consent}: the newest consent, whether it was ended now or before; null:
-- there was never one.
create function consent_withdraw(person text, service text, purpose text)
returns jsonb
language plpgsql
as $$
#variable_conflict use_variable
declare
    last   uuid;
    ended  boolean;
begin
    perform from people p where p.subject = person for update;

    update consents c
       set ended_at = greatest(clock_timestamp(), c.given_at), ended = 'withdrawn'
     where (c.person, c.service, c.purpose) = (person, service, purpose)
       and c.ended_at is null
    returning c.id into last;

    ended := found;

    if ended then
        perform ihanoi_host.publish('catalogue.consent_withdrawn', last,
                    jsonb_build_object('service', service, 'purpose', purpose));
    else
        select c.id into last from consents c
         where (c.person, c.service, c.purpose) = (person, service, purpose)
         order by c.given_at desc
         limit 1;
    end if;

    return (select jsonb_build_object('ended', ended, 'consent', consent_document(last))
             where last is not null);
end
$$;

-- Tells others about a change, in the transaction of the change. payload holds
-- no personal data: it leaves the house.
create function outbox_append(topic text, event text, subject uuid, payload jsonb)
returns bigint
language plpgsql volatile
as $$
declare
    number  bigint;
begin
    insert into core.outbox as o (topic, event, subject, payload)
    values (outbox_append.topic, outbox_append.event, outbox_append.subject,
            coalesce(outbox_append.payload, '{}'))
    returning o.id into number;

    return number;
end
$$;

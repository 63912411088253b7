-- Tells others about a change, in the transaction of the change. payload holds
-- no personal data: it leaves the house.
create function outbox_append(topic text, event text, subject uuid, payload jsonb)
returns bigint
language sql volatile
as $$
    insert into core.outbox (topic, event, subject, payload)
    values (topic, event, subject, coalesce(payload, '{}'))
    returning id
$$;

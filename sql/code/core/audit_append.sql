-- Appends an event to the audit chain of a case, a person or a unit, and says
-- its number in the chain. details: what changed, by codes and references,
-- never personal data nor what somebody wrote. (The table's trigger numbers
-- and hashes the event.)
create function audit_append(caller jsonb, actor uuid, kind text, chain uuid,
    event text, unit uuid, role text, details jsonb)
returns bigint
language sql volatile
as $$
    insert into core.audit_events
           (chain, kind, event, actor, role, unit, details, operation, request_id)
    values (chain, kind, event, actor, role, unit, coalesce(details, '{}'),
            caller ->> 'operation', caller ->> 'request_id')
    returning seq
$$;

-- Appends an event to the audit chain of a case, a person or a unit, and says
-- its number in the chain. details: what changed, by codes and references,
-- never personal data nor what somebody wrote. (The table's trigger numbers
-- and hashes the event.)
create function audit_append(caller jsonb, actor uuid, kind text, chain uuid,
    event text, unit uuid, role text, details jsonb)
returns bigint
language plpgsql volatile
as $$
declare
    number  bigint;
begin
    insert into core.audit_events as e
           (chain, kind, event, actor, role, unit, details, operation, request_id)
    values (audit_append.chain, audit_append.kind, audit_append.event,
            audit_append.actor, audit_append.role, audit_append.unit,
            coalesce(audit_append.details, '{}'),
            caller ->> 'operation', caller ->> 'request_id')
    returning e.seq into number;

    return number;
end
$$;

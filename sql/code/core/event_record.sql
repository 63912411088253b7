-- Every change says so twice, in its own transaction: an audit event in the
-- chain of what changed, and an outbox row with the same facts.
--
--   kind, subject  what changed: 'feedback', 'person', 'unit' and its id
--   event          what happened: 'created', 'accepted'
--   actor, role    who did it and as what; null and 'system' for a job
--   unit           the unit it was done for, or null
--   details        before and after by codes and references, no personal data
--
-- Returns the event's number in the chain.
create function event_record(caller jsonb, actor uuid, kind text, subject uuid,
    event text, unit uuid, role text, details jsonb)
returns bigint
language plpgsql
as $$
declare
    seq bigint;
begin
    seq := audit_append(caller, actor, kind, subject, event, unit, role, details);

    perform outbox_append(kind, event, subject,
        jsonb_build_object('seq', seq, 'at', core.now(), 'unit', unit,
                           'role', role, 'details', coalesce(details, '{}')));

    return seq;
end
$$;

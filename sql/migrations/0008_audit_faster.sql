-- The same bytes and the same hash as before: an SQL function that cannot be
-- inlined is planned anew for each event, plpgsql keeps its plan.

set local role ihanoi_owner;

create or replace function core.audit_hash(e core.audit_events)
returns bytea
language plpgsql immutable parallel safe
as $$
begin
    return sha256(convert_to(jsonb_build_array(
        e.chain, e.seq, extract(epoch from e.at)::text, e.kind, e.event,
        e.actor, e.role, e.unit, e.details, e.operation, e.request_id,
        encode(e.previous, 'hex'))::text, 'UTF8'));
end
$$;

-- One write to the head instead of two: what the first version locked by an
-- update, this locks by reading. A chain's first event writes its head at once;
-- of two first events at once, the second waits for the first and goes on.
create or replace function core.audit_chain()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    head core.audit_heads;
begin
    loop
        select h.* into head
        from core.audit_heads h
        where h.chain = new.chain
        for update;

        if found then
            new.seq := head.seq + 1;
            new.previous := head.hash;
            new.hash := core.audit_hash(new);

            update core.audit_heads h set seq = new.seq, hash = new.hash
            where h.chain = new.chain;

            return new;
        end if;

        new.seq := 1;
        new.previous := '\x';
        new.hash := core.audit_hash(new);

        insert into core.audit_heads (chain, seq, hash)
        values (new.chain, new.seq, new.hash)
        on conflict (chain) do nothing;

        if found then
            return new;
        end if;
    end loop;
end
$$;

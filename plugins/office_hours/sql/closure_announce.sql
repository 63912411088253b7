-- A closure of a unit, also when this key has announced it and no other; null when
-- another stands already. The event of it is published by the same transaction: it is told
-- if and only if the closure is there.
create function closure_announce(id uuid, unit text, day date, reason text, by text, key text)
returns json
language plpgsql
as $$
declare
    c  closures%rowtype;
begin
    insert into closures (id, unit, day, reason, announced_by, key)
    values (closure_announce.id, closure_announce.unit, closure_announce.day,
            closure_announce.reason, by, closure_announce.key)
    on conflict do nothing;

    if not found then
        select * into c from closures t
         where t.announced_by = by and t.key = closure_announce.key;

        if (c.unit, c.day, c.reason)
           <> (closure_announce.unit, closure_announce.day, closure_announce.reason)
        then
            raise exception using errcode = 'IH001', message = 'idempotency-key-reused';
        end if;

        return closure_document(c.id);
    end if;

    perform ihanoi_host.publish('office_hours.closure_announced', id,
                                jsonb_build_object('unit', unit, 'day', day));

    return closure_document(id);
end
$$;

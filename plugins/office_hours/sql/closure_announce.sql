-- A closure of a unit, also when this key has announced it; null when another stands
-- already. The event of it is published by the same transaction: it is told if and only
-- if the closure is there.
create function closure_announce(id uuid, unit text, day date, reason text, by text, key text)
returns json
language plpgsql
as $$
begin
    insert into closures (id, unit, day, reason, announced_by, key)
    values (closure_announce.id, closure_announce.unit, closure_announce.day,
            closure_announce.reason, by, closure_announce.key)
    on conflict do nothing;

    if not found then
        return (select closure_document(c.id) from closures c
                 where c.announced_by = by and c.key = closure_announce.key);
    end if;

    perform ihanoi_host.publish('office_hours.closure_announced', id,
                                jsonb_build_object('unit', unit, 'day', day));

    return closure_document(id);
end
$$;

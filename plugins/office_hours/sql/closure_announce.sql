-- A closure of a unit; null when one stands already. The event of it is published
-- by the same transaction: it is told if and only if the closure is there.
create function closure_announce(id uuid, unit text, day date, reason text, by text)
returns json
language plpgsql
as $$
begin
    insert into closures (id, unit, day, reason, announced_by)
    values (closure_announce.id, closure_announce.unit, closure_announce.day,
            closure_announce.reason, by)
    on conflict on constraint closures_are_announced_once do nothing;

    if not found then
        return null;
    end if;

    perform ihanoi_host.publish('office_hours.closure_announced', id,
                                jsonb_build_object('unit', unit, 'day', day));

    return closure_document(id);
end
$$;

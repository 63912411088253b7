-- Opens a dispute of a bill that the citizen has sight of; the same key is the same
-- one. Null when there is no such bill.
create function dispute_open(id uuid, citizen text, key text, bill uuid, reason text, text text)
returns jsonb
language plpgsql
as $$
declare
    d  disputes%rowtype;
begin
    select * into d from disputes t
     where t.citizen = dispute_open.citizen and t.key = dispute_open.key;

    if found then
        if (d.bill, d.reason, d.text) <> (dispute_open.bill, dispute_open.reason, dispute_open.text) then
            raise exception using errcode = 'IH001', message = 'order-key-used';
        end if;

        return dispute_document(d);
    end if;

    if (bill_visible(dispute_open.citizen, dispute_open.bill)).id is null then
        return null;
    end if;

    insert into disputes (id, citizen, key, bill, reason, text)
    values (dispute_open.id, dispute_open.citizen, dispute_open.key, dispute_open.bill,
            dispute_open.reason, dispute_open.text)
    on conflict do nothing
    returning * into d;

    if d.id is null then
        raise exception using errcode = 'IH001', message = 'dispute-open-already';
    end if;

    return dispute_document(d);
end
$$;

-- Promises a part of what was paid, or all that is left, to the payer. The same
-- key is the same refund; with another amount it is refused. Nothing is sent
-- from here: refunds_due() gives it to whoever sends.
create function refund_request(intent uuid, amount bigint, reason text, key text, requested_by text,
                               service text default null)
returns jsonb
language plpgsql
as $$
declare
    i     intents%rowtype;
    f     refunds%rowtype;
    rest  bigint;
begin
    select * into i from intents t
     where t.id = refund_request.intent
       and (refund_request.service is null or t.service = refund_request.service)
       for update;

    if not found then
        return null;
    end if;

    select * into f from refunds t where t.intent = i.id and t.key = refund_request.key;

    if found then
        if f.amount <> refund_request.amount then
            raise exception using errcode = 'IH001', message = 'payment-refund-key-used';
        end if;

        return refund_document(f.id);
    end if;

    select r.amount - r.promised into rest from receipts r where r.id = i.receipt;

    if rest is null then
        raise exception using errcode = 'IH001', message = 'payment-not-paid',
            detail = jsonb_build_object('state', i.state)::text;
    end if;

    if rest < coalesce(refund_request.amount, 1) then
        raise exception using errcode = 'IH001', message = 'payment-refund-exceeds',
            detail = jsonb_build_object('left', rest)::text;
    end if;

    insert into refunds (receipt, intent, amount, reason, key, requested_by)
    values (i.receipt, i.id, coalesce(refund_request.amount, rest), refund_request.reason,
            refund_request.key, refund_request.requested_by)
    returning * into f;

    return refund_document(f.id);
end
$$;

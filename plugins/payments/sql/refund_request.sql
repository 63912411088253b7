-- Promises a part of what was paid, or all that is left, to the payer: of the receipt
-- that is named by its transaction, or of the one that was applied, or, when nothing is
-- left of that, of one that came late, twice or with another amount and whose refund was
-- refused: but for services, which know of no such money and would take it for theirs.
-- The same key is the same refund; for anything else it is refused. Nothing is
-- sent from here: refunds_due() gives it to whoever sends, but one that is to be made by
-- hand, which waits for people at once.
create function refund_request(intent uuid, amount bigint, reason text, key text, requested_by text,
                               service text default null, transaction text default null,
                               by_hand boolean default false, reason_en text default null)
returns jsonb
language plpgsql
as $$
declare
    i      intents%rowtype;
    f      refunds%rowtype;
    which  uuid;
    rest   bigint;
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
        if f.amount <> refund_request.amount or f.by_hand <> refund_request.by_hand
           or refund_request.transaction <> (select r.transaction from receipts r where r.id = f.receipt)
        then
            raise exception using errcode = 'IH001', message = 'payment-refund-key-used';
        end if;

        return refund_document(f.id);
    end if;

    select r.id, r.amount - r.promised into which, rest
      from receipts r
     where r.intent = i.id
       and case when refund_request.transaction is null
                then r.verdict = 'applied' or refund_request.service is null and r.promised < r.amount
                else r.transaction = refund_request.transaction end
     order by r.promised = r.amount, r.verdict <> 'applied', r.received_at, r.id
     limit 1;

    if not found then
        raise exception using errcode = 'IH001', message = 'payment-not-paid',
            detail = jsonb_build_object('state', i.state)::text;
    end if;

    if rest < coalesce(refund_request.amount, 1) then
        raise exception using errcode = 'IH001', message = 'payment-refund-exceeds',
            detail = jsonb_build_object('left', rest)::text;
    end if;

    insert into refunds (receipt, intent, amount, reason, reason_en, key, requested_by, by_hand)
    values (which, i.id, coalesce(refund_request.amount, rest), refund_request.reason,
            refund_request.reason_en, refund_request.key, refund_request.requested_by, refund_request.by_hand)
    returning * into f;

    if f.by_hand then
        update refunds t
           set state = 'sent', sent_at = now(), due_at = 'infinity', why = 'by hand'
         where t.id = f.id;
    end if;

    return refund_document(f.id);
end
$$;

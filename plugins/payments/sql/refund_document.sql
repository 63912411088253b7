create function refund_document(which uuid)
returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
               'id', f.id, 'number', f.number, 'amount', f.amount, 'reason', f.reason, 'reason_en', f.reason_en,
               'state', f.state, 'by_hand', nullif(f.by_hand, false),
               'transaction', f.transaction, 'why', f.why, 'settled_by', f.settled_by,
               'requested_at', f.requested_at, 'sent_at', f.sent_at, 'finished_at', f.finished_at))
      from refunds f
     where f.id = which
$$;

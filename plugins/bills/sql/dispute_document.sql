-- A dispute as its citizen sees it.
create function dispute_document(d disputes)
returns jsonb
language sql stable
as $$
    select jsonb_strip_nulls(jsonb_build_object(
               'id', d.id, 'bill', d.bill, 'reason', d.reason, 'text', d.text, 'state', d.state,
               'answer', d.answer, 'answered_at', d.answered_at, 'closed_by', d.closed_by,
               'created_at', d.created_at, 'changed_at', d.changed_at))
$$;

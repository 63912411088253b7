-- What a gateway cannot do is never due again (due_at is 'infinity'): a person does it, and
-- has to find it, as what was refused and belongs to nobody (payments_refunds). What waits
-- so already comes here when the sweep looks at it next.
create index refunds_for_people on refunds (requested_at, id) where state in ('sent', 'refused');

-- When its citizen asked once more to pay what an order waits for. Who has come back
-- after an erasure has asked for it anew.
alter table orders add column again_at timestamptz;

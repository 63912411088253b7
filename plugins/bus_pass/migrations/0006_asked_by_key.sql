-- The Idempotency-Key under which its holder has asked for it, the last time. Whoever has
-- heard no answer asks again by the same: by then it may be paid, which "held" would not say.
alter table passes add column key text;

-- Whoever has heard no answer announces again, with the same Idempotency-Key, and gets
-- the closure that stands: the handler ran once more, and nothing was kept for its key.
alter table closures
    add column key text,
    add constraint closures_have_a_key_each unique (announced_by, key);

-- The Idempotency-Key under which something was said, after its operation: it is said
-- once, also when the gateway has lost the answer that it keeps for the key. Null: it was
-- said before there was this.
alter table notices add column key text;
alter table threads add column key text;
alter table messages add column key text;       -- null: the first one of a thread

create unique index notices_said_once on notices (published_by, key) where key is not null;
create unique index threads_said_once on threads (guardian, key) where key is not null;
create unique index messages_said_once on messages (person, key) where key is not null;

-- A client that sends a request again may have kept what it wanted, but not the bytes:
-- written anew, members of a JSON object come in another order, and that was told as
-- another request.
set local lock_timeout = '5s';
set local role ihanoi_owner;

-- Digest of the request with its body as JSON; hash is of its bytes. Null: a release before
-- has written the row, or there is no body.
alter table core.idempotency_keys add column same text;

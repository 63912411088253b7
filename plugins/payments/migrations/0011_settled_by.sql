-- Whoever says what became of a refund answers for it: issuer and subject of the token. Null
-- where the gateway or its file has said it, and of refunds that were over before this.
alter table refunds
    add settled_by text,
    add constraint refunds_settled_is_over check (settled_by is null or finished_at is not null);

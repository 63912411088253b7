-- Which file has what. The day of a gateway is not always ours: what was asked about after
-- midnight has no better time here than that of the answer.
create table filed (
    gateway  text not null,
    kind     text not null,
    name     text not null,         -- of a payment the gateway's transaction, of a refund our number
    day      date not null,         -- of the file
    primary key (gateway, kind, name),
    constraint filed_kind_known check (kind in ('payment', 'refund'))
);

create index filed_of_day on filed (gateway, day);

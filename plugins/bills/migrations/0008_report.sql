-- What the report looks for, without reading all orders.
create index orders_by_time on orders (created_at);
create index orders_contradicted on orders (id) where contradicted is not null;

-- The first payment of each gateway, without reading all of them.
create index intents_of_gateway on intents (gateway, created_at);

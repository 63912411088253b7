-- Transactions are counted by a cluster, and a dump that is restored into another one
-- has the numbers of the first: a plugin's place in the outbox was one that the new
-- cluster reaches after weeks, and nothing came until then.
set local lock_timeout = '5s';
set local role ihanoi_owner;

-- Events up to this number are of a cluster before this one, and were read.
alter table core.plugin_cursors add column before bigint not null default 0;

-- From a call on nothing may be known: then there is no delay. The version before this
-- shows no expected time there either.

alter table realtime_delays alter column delay drop not null;

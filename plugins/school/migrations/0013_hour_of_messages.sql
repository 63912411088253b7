-- When the messages of the hour were sent, too: how long until there may be more.
create or replace view my_messages_of_hour as
select distinct m.id, m.sent_at
  from messages m join asking a on a.person = m.person
 where m.sent_at > now() - interval '1 hour';

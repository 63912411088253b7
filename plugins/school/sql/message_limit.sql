-- Refuses when the one who is asking has written as many messages within the hour as one
-- may. Messages of one person are counted one after the other.
create function message_limit(an_hour int)
returns void
language plpgsql
as $$
declare
    me  text := (select a.person from asking a);
begin
    perform pg_advisory_xact_lock(hashtextextended('school messages ' || me, 0));

    if (select count(*) from my_messages_of_hour) >= an_hour then
        perform refuse('messages-too-many', json_build_object('an_hour', an_hour));
    end if;
end
$$;

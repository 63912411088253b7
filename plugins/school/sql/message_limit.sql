-- Refuses when the one who is asking has written as many messages within the hour as one
-- may. Messages of one person are counted one after the other.
create function message_limit(an_hour int)
returns void
language plpgsql
as $$
declare
    me     text := (select a.person from asking a);
    again  timestamptz;
begin
    perform ihanoi_host.lock('school messages ' || me);

    select m.sent_at + interval '1 hour' into again from my_messages_of_hour m
     order by m.sent_at desc offset an_hour - 1 limit 1;

    if found then
        perform refuse('messages-too-many',
                       json_build_object('an_hour', an_hour, 'retry_after', seconds_until(again)));
    end if;
end
$$;

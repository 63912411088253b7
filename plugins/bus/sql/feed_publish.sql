-- Serves a feed that is ready, or one that was served before, in place of the
-- current one: at once for all who ask from then on. The one before stays, to go
-- back to; older ones are forgotten. Returns the report; null when there is no
-- such feed, or it is not ready.
create function feed_publish(feed int)
returns json
language plpgsql
as $$
begin
    perform from feeds f for update;

    if not exists (select from feeds f where f.id = feed_publish.feed
                      and f.state in ('ready', 'retired', 'current'))
    then
        return null;
    end if;

    perform feed_forget(f.id)
       from feeds f
      where f.state in ('retired', 'refused') and f.id <> feed_publish.feed;

    update feeds f set state = 'retired'
     where f.state = 'current' and f.id <> feed_publish.feed;

    update feeds f set state = 'current', current_since = clock_timestamp()
     where f.id = feed_publish.feed and f.state <> 'current';

    return feed_report(feed);
end
$$;

-- The feed that is served; null before the first one.
create function feed_current()
returns int
language sql stable parallel safe
as $$
    select f.id from feeds f where f.state = 'current'
$$;

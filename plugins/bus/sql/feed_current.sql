-- The feed that is served; null before the first one. Not in SQL, as
-- stop_platforms().
create function feed_current()
returns int
language plpgsql stable parallel safe
as $$
begin
    return (select f.id from feeds f where f.state = 'current');
end
$$;

-- The feed that is served; null before the first one. Not in SQL, which cannot be
-- inlined here and would be planned in each call.
create function feed_current()
returns int
language plpgsql stable parallel safe
as $$
begin
    return (select f.id from feeds f where f.state = 'current');
end
$$;

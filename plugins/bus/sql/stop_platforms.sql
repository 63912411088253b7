-- Where vehicles call: the stop itself, or all stops of a station. Not in SQL, which
-- cannot be inlined here and would be planned in each call.
create function stop_platforms(s stops)
returns int[]
language plpgsql stable parallel safe
as $$
begin
    if s.location_type = 0 then
        return array[s.number];
    end if;

    return coalesce((select array_agg(x.number) from stops x
                      where x.feed = s.feed and x.parent = s.id
                        and x.location_type = 0), '{}');
end
$$;

-- GET /v1/bus/stops: by name, whatever its diacritics, or the nearest to a point
-- within a radius in metres.
create function stop_search(caller jsonb, q text, lat float8, long float8, radius int,
                            page_size int)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
declare
    f     int := feed_current();
    here  geography := st_point(long, lat, 4326)::geography;
begin
    if (lat is null) <> (long is null) or (lat is null) = (q is null) then
        return query select null::int, null::text, json_build_object(
            'code', 'bus-search-unclear');
        return;
    end if;

    if q is not null then
        return query
        select 200, null::text, json_build_object('items', coalesce(json_agg(
                   s.document order by s.name, s.number), '[]'))
          from (select x.* from stops x
                 where x.feed = f and x.location_type in (0, 1)
                   and (x.code = q or strpos(x.search, search_text(q)) > 0)
                 order by x.code = q desc nulls last,
                          strpos(x.search, search_text(q)), x.name, x.number
                 limit page_size) s;
    else
        return query
        select 200, null::text, json_build_object('items', coalesce(json_agg(
                   ((s.stop).document::jsonb
                    || jsonb_build_object('distance', s.metres))::json
                   order by s.metres, (s.stop).number), '[]'))
          from (select x as stop, round(st_distance(x.location, here))::int as metres
                  from stops x
                 where x.feed = f and x.location_type = 0
                   and st_dwithin(x.location, here, radius)
                 order by x.location <-> here
                 limit page_size) s;
    end if;
end
$$;

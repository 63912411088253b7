-- GET /v1/bus/stops: by name, whatever its diacritics, or the nearest to a point
-- within a radius in metres. The cursor has the id of the last one that was given; a
-- timetable that does not have it any more has no page behind it.
create function stop_search(caller jsonb, q text, lat float8, long float8, radius int,
                            cursor text, page_size int)
returns table (status int, etag text, body json)
language plpgsql stable
as $$
declare
    f      int := feed_current();
    here   geography := st_point(long, lat, 4326)::geography;
    given  stops%rowtype;
begin
    if (lat is null) <> (long is null) or (lat is null) = (q is null) then
        return query select null::int, null::text, json_build_object(
            'code', 'bus-search-unclear');
        return;
    end if;

    select x.* into given from stops x where x.feed = f and x.id = substr(stop_search.cursor, 6);

    if q is not null then
        return query
        with page as (
            select x.id, x.document, x.name, x.number,
                   row_number() over (order by k.other, k.place, x.name, x.number) as n
              from stops x
             cross join lateral (
                select x.code is distinct from btrim(q) as other,
                       strpos(x.search, search_text(q)) as place) k
             where x.feed = f and x.location_type in (0, 1) and (not k.other or k.place > 0)
               and (stop_search.cursor is null
                    or (k.other, k.place, x.name, x.number)
                       > (given.code is distinct from btrim(q),
                          strpos(given.search, search_text(q)), given.name, given.number))
             order by n
             limit page_size + 1
        )
        select 200, null::text, json_build_object(
            'items', coalesce(json_agg(p.document order by p.n)
                              filter (where p.n <= page_size), '[]'),
            'next', (select 'stop.' || l.id from page l
                      where l.n = page_size and exists (select from page m where m.n > l.n)))
          from page p;
    else
        return query
        with page as (
            select s.*, row_number() over (order by s.far, s.number) as n,
                   round(st_distance(s.location, here))::int as metres
              from (select x.id, x.document, x.number, x.location, x.location <-> here as far
                      from stops x
                     where x.feed = f and x.location_type = 0
                       and st_dwithin(x.location, here, radius)
                       and (stop_search.cursor is null
                            or (x.location <-> here, x.number)
                               > (given.location <-> here, given.number))
                     order by x.location <-> here, x.number
                     limit page_size + 1) s
        )
        select 200, null::text, json_build_object(
            'items', coalesce(json_agg(
                         (p.document::jsonb || jsonb_build_object('distance', p.metres))::json
                         order by p.n) filter (where p.n <= page_size), '[]'),
            'next', (select 'stop.' || l.id from page l
                      where l.n = page_size and exists (select from page m where m.n > l.n)))
          from page p;
    end if;
end
$$;

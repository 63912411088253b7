-- GET /v1/bus/stops: by name, whatever its diacritics, or the nearest to a point
-- within a radius in metres. The cursor has the id of the last one that was given, whose
-- place is known where the timetable has it no more, or by a name that is not searched for:
-- the one before is kept. Those of one name stand by their ids, as their numbers are another
-- timetable's there.
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

    if stop_search.cursor is not null then
        select x.* into given
          from feeds y
          join stops x on x.feed = y.id and x.id = substr(stop_search.cursor, 6)
         where y.state in ('current', 'retired')
           and (q is null or x.code = btrim(q) or strpos(x.search, search_text(q)) > 0)
         order by y.state = 'current' desc
         limit 1;

        if not found then
            return query select null::int, null::text, json_build_object(
                'code', 'bus-page-gone');
            return;
        end if;
    end if;

    if q is not null then
        return query
        with page as (
            select x.id, x.document,
                   row_number() over (order by k.other, k.place, x.name, x.id) as n
              from stops x
             cross join lateral (
                select x.code is distinct from btrim(q) as other,
                       strpos(x.search, search_text(q)) as place) k
             where x.feed = f and x.location_type in (0, 1) and (not k.other or k.place > 0)
               and (stop_search.cursor is null
                    or (k.other, k.place, x.name, x.id)
                       > (given.code is distinct from btrim(q),
                          strpos(given.search, search_text(q)), given.name, given.id))
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
            select s.*, row_number() over (order by s.far, s.id) as n,
                   round(st_distance(s.location, here))::int as metres
              from (select x.id, x.document, x.location, x.location <-> here as far
                      from stops x
                     where x.feed = f and x.location_type = 0
                       and st_dwithin(x.location, here, radius)
                       and (stop_search.cursor is null
                            or (x.location <-> here, x.id)
                               > (given.location <-> here, given.id))
                     order by x.location <-> here, x.id
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

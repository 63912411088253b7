-- GET /v1/parking/sites: the nearest to a point within a radius in metres, those with
-- places for a vehicle where one is named. The index gives them in order of distance;
-- the cursor is the distance and the id of the last one that was given.
--
-- The point stands twice in a collection: PostGIS keeps the box of that with it, and would
-- make the box of a single point anew for each entry of the index that it looks at.
--
-- The body is text, as it is put together here: a cast to json would read it all again.
create function site_search(caller jsonb, lat float8, long float8, radius int, vehicle text,
                            "limit" int, cursor text)
returns table (status int, etag text, body text)
language sql stable
as $$
    select 200, null::text, '{"items": ['
               || coalesce(array_to_string(f.items[:site_search."limit"], ', '), '')
               || '], "next": '
               || case when cardinality(f.items) > site_search."limit"
                       then format('"site.%s_%s"', f.metres[site_search."limit"],
                                   f.ids[site_search."limit"])
                       else 'null' end
               || '}'
      from (select array_agg('{' || n.brief || ', "distance": ' || round(n.metres)::int
                             || ', "supplies": [' || case
                                 when n.fresh_until > now() then n.supplies_brief
                                 else (select string_agg(supply_document(u)::text, ', '
                                                         order by u.vehicle)
                                         from supplies u where u.site = n.id) end
                             || ']}') as items,
                   array_agg(n.metres) as metres, array_agg(n.id) as ids
              from (select k.*
                      from (select st_collect(p, p)::geography as point,
                                   split_part(substr(cursor, 6), '_', 1)::float8 as metres,
                                   split_part(cursor, '_', 2)::uuid as id
                              from st_point(long, lat, 4326) p
                            offset 0) here
                     cross join lateral (
                        select s.id, s.brief, s.supplies_brief, s.fresh_until,
                               s.location <-> here.point as metres
                          from sites s
                         where s.in_service
                           and (site_search.vehicle is null
                                or site_search.vehicle = any (s.vehicles))
                           and (here.metres is null
                                or (s.location <-> here.point, s.id) > (here.metres, here.id))
                         order by s.location <-> here.point
                         fetch first (site_search."limit" + 1) rows with ties) k
                     where k.metres <= radius
                     order by k.metres, k.id
                     limit site_search."limit" + 1) n) f
$$;

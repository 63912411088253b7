-- GET /v1/parking/sites: the nearest to a point within a radius in metres, those with
-- places for a vehicle where one is named. The index gives them in order of distance;
-- the cursor is the distance and the id of the last one that was given.
create function site_search(caller jsonb, lat float8, long float8, radius int, vehicle text,
                            "limit" int, cursor text)
returns table (status int, etag text, body json)
language plpgsql stable
-- Whatever the arguments, the plan is the same; without this it is made for each call,
-- which takes longer than the search.
set plan_cache_mode = force_generic_plan
as $$
declare
    here    geography := st_point(long, lat, 4326)::geography;
    beyond  float8 := -1;
    last    uuid := '00000000-0000-0000-0000-000000000000';
    items   text[];
    places  text[];
begin
    if cursor is not null then
        begin
            beyond := split_part(cursor, '_', 1)::float8;
            last := split_part(cursor, '_', 2)::uuid;
        exception when data_exception then
            return query select null::int, null::text, json_build_object('code', 'parking-cursor-unknown');
            return;
        end;
    end if;

    select array_agg('{' || n.brief || ', "distance": ' || round(n.metres)::int || ', "supplies": ['
               || case when n.fresh_until > now() then n.supplies_brief
                       else (select string_agg(supply_document(u)::text, ', ' order by u.vehicle)
                               from supplies u where u.site = n.id) end
               || ']}'),
           array_agg(n.metres || '_' || n.id)
      into items, places
      from (select k.*
              from (select s.id, s.brief, s.supplies_brief, s.fresh_until, s.location <-> here as metres
                      from sites s
                     where s.in_service
                       and (site_search.vehicle is null or site_search.vehicle = any (s.vehicles))
                       and (beyond < 0 or (s.location <-> here, s.id) > (beyond, last))
                     order by s.location <-> here
                     fetch first (site_search."limit" + 1) rows with ties) k
             order by k.metres, k.id
             limit site_search."limit" + 1) n
     where n.metres <= radius;

    return query
    select 200, null::text, ('{"items": [' || coalesce(array_to_string(items[:"limit"], ', '), '')
               || '], "next": ' || coalesce('"' || case when items["limit" + 1] is not null
                                                        then places["limit"] end || '"', 'null')
               || '}')::json;
end
$$;

-- stops.txt, and the feed's own zone and validity.
create function feed_read_stops(feed int)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'stops.txt',
           '{stop_id,stop_code,stop_name,stop_desc,stop_lat,stop_lon,location_type,parent_station,platform_code,wheelchair_boarding,zone_id}');
begin
    insert into stops (feed, number, id, code, name, search, description, location,
                       location_type, parent, platform, wheelchair, zone, document)
    select r.feed, row_number() over (order by r.line), r.id, r.code, r.name,
           search_text(r.name), r.description,
           st_point(r.long, r.lat, 4326)::geography, r.location_type, r.parent,
           r.platform, r.wheelchair, r.zone,
           json_build_object(
               'id', r.id, 'code', r.code, 'name', r.name, 'description', r.description,
               'location', json_build_object('lat', r.lat, 'long', r.long),
               'station', r.parent, 'platform', r.platform,
               'wheelchair', (array['accessible', 'not_accessible'])[r.wheelchair])
      from (select distinct on (l.fields[c[1]])
                   l.feed, l.line, l.fields[c[1]] as id,
                   nullif(l.fields[c[2]], '') as code,
                   coalesce(nullif(l.fields[c[3]], ''), l.fields[c[1]]) as name,
                   nullif(l.fields[c[4]], '') as description,
                   gtfs_degrees(l.fields[c[5]], 90) as lat,
                   gtfs_degrees(l.fields[c[6]], 180) as long,
                   coalesce(gtfs_integer(l.fields[c[7]], 0, 4), 0) as location_type,
                   nullif(l.fields[c[8]], '') as parent,
                   nullif(l.fields[c[9]], '') as platform,
                   gtfs_integer(l.fields[c[10]], 0, 2) as wheelchair,
                   nullif(l.fields[c[11]], '') as zone
              from feed_lines l
             where l.feed = feed_read_stops.feed and l.file = 'stops.txt'
             order by l.fields[c[1]], l.line) r
     where r.id <> '' and r.lat is not null and r.long is not null;

    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_stops.feed, n.severity, n.code, 'stops.txt', n.line, n.detail
      from feed_lines l
     cross join lateral (
        select 'error' as severity, 'missing_required_field' as code, l.line,
               'stop_id' as detail
         where coalesce(l.fields[c[1]], '') = ''
        union all
        select 'error', 'stop_without_location', l.line, l.fields[c[1]]
         where coalesce(l.fields[c[7]], '') in ('', '0', '1', '2')
           and (gtfs_degrees(l.fields[c[5]], 90) is null
                or gtfs_degrees(l.fields[c[6]], 180) is null)
        union all
        select 'error', 'point_near_origin', l.line, l.fields[c[1]]
         where abs(gtfs_degrees(l.fields[c[5]], 90)) < 1
           and abs(gtfs_degrees(l.fields[c[6]], 180)) < 1
        union all
        select 'error', 'missing_required_field', l.line, 'stop_name'
         where coalesce(l.fields[c[7]], '') in ('', '0', '1', '2')
           and coalesce(l.fields[c[3]], '') = '') n
     where l.feed = feed_read_stops.feed and l.file = 'stops.txt';

    perform feed_check_keys(feed, 'stops.txt', 'stop_id');
    perform feed_check_references(feed, 'stops.txt', 'parent_station',
                                  'stops.txt', 'stop_id');
end
$$;

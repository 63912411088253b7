-- agency.txt, feed_info.txt and routes.txt.
create function feed_read_routes(feed int)
returns void
language plpgsql
as $$
declare
    a  int[] := feed_positions(feed, 'agency.txt',
           '{agency_id,agency_name,agency_timezone}');
    i  int[] := feed_positions(feed, 'feed_info.txt',
           '{feed_publisher_name,feed_version}');
    c  int[] := feed_positions(feed, 'routes.txt',
           '{route_id,agency_id,route_short_name,route_long_name,route_desc,route_type,route_url,route_color,route_text_color,route_sort_order}');
begin
    update feeds f
       set timezone = (select l.fields[a[3]] from feed_lines l
                        where l.feed = f.id and l.file = 'agency.txt'
                        order by l.line limit 1),
           publisher = (select l.fields[i[1]] from feed_lines l
                         where l.feed = f.id and l.file = 'feed_info.txt'
                         order by l.line limit 1),
           version = (select l.fields[i[2]] from feed_lines l
                       where l.feed = f.id and l.file = 'feed_info.txt'
                       order by l.line limit 1)
     where f.id = feed_read_routes.feed;

    -- Not by the view of zones, which reads a file for each. "GMT+7" is no name of a zone;
    -- PostgreSQL takes it as POSIX does, which is seven hours behind.
    begin
        perform now() at time zone coalesce(substring(f.timezone from
                    '^(?:[A-Za-z_-]+(?:/[A-Za-z_-]+)*|Etc/GMT[+-][0-9]+)$'), '')
           from feeds f where f.id = feed_read_routes.feed;
    exception
        when invalid_parameter_value then
            perform feed_note(feed, 'error', 'invalid_timezone', 'agency.txt', 1,
                              (select f.timezone from feeds f
                                where f.id = feed_read_routes.feed));
    end;

    -- the first agency's is taken: feeds that are otherwise good have this
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_routes.feed, 'warning', 'inconsistent_agency_timezone',
           'agency.txt', max(l.line), string_agg(distinct l.fields[a[3]], ', ')
      from feed_lines l
     where l.feed = feed_read_routes.feed and l.file = 'agency.txt'
    having count(distinct l.fields[a[3]]) > 1;

    insert into routes (feed, id, agency, short_name, long_name, description, type,
                        url, color, text_color, sort_order)
    select distinct on (l.fields[c[1]])
           l.feed, l.fields[c[1]],
           (select x.fields[a[2]] from feed_lines x
             where x.feed = l.feed and x.file = 'agency.txt'
               and (coalesce(l.fields[c[2]], '') in ('', x.fields[a[1]]))
             order by x.line limit 1),
           nullif(l.fields[c[3]], ''), nullif(l.fields[c[4]], ''),
           nullif(l.fields[c[5]], ''), gtfs_integer(l.fields[c[6]], 0, 1702),
           nullif(l.fields[c[7]], ''),
           case when l.fields[c[8]] ~ '^[0-9A-Fa-f]{6}$' then l.fields[c[8]] end,
           case when l.fields[c[9]] ~ '^[0-9A-Fa-f]{6}$' then l.fields[c[9]] end,
           gtfs_integer(l.fields[c[10]], 0, 999999999)
      from feed_lines l
     where l.feed = feed_read_routes.feed and l.file = 'routes.txt'
       and l.fields[c[1]] <> ''
       and gtfs_integer(l.fields[c[6]], 0, 1702) is not null
     order by l.fields[c[1]], l.line;

    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_routes.feed, 'error', n.code, 'routes.txt', l.line, n.detail
      from feed_lines l
     cross join lateral (
        select 'missing_required_field' as code, 'route_id' as detail
         where coalesce(l.fields[c[1]], '') = ''
        union all
        select 'invalid_integer', 'route_type ' || coalesce(l.fields[c[6]], '')
         where gtfs_integer(l.fields[c[6]], 0, 1702) is null
        union all
        select 'route_both_short_and_long_name_missing', l.fields[c[1]]
         where coalesce(l.fields[c[3]], '') = '' and coalesce(l.fields[c[4]], '') = '') n
     where l.feed = feed_read_routes.feed and l.file = 'routes.txt';

    perform feed_check_keys(feed, 'routes.txt', 'route_id');
    perform feed_check_references(feed, 'routes.txt', 'agency_id',
                                  'agency.txt', 'agency_id');
end
$$;

-- Files and columns: those that GTFS wants, and those that nobody knows.
create function feed_check_files(feed int)
returns void
language sql
as $$
    with known (file, needed, columns) as (
        values ('agency.txt', true, '{agency_name,agency_url,agency_timezone}'::text[]),
               ('stops.txt', true, '{stop_id}'),
               ('routes.txt', true, '{route_id,route_type}'),
               ('trips.txt', true, '{route_id,service_id,trip_id}'),
               ('stop_times.txt', true, '{trip_id,stop_id,stop_sequence}'),
               ('calendar.txt', false, '{service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date}'),
               ('calendar_dates.txt', false, '{service_id,date,exception_type}'),
               ('frequencies.txt', false, '{trip_id,start_time,end_time,headway_secs}'),
               ('transfers.txt', false, '{}'),
               ('fare_attributes.txt', false, '{fare_id,price,currency_type,payment_method,transfers}'),
               ('fare_rules.txt', false, '{fare_id}'),
               ('feed_info.txt', false, '{feed_publisher_name}')
    ), mine as (
        select f.file, f.columns from feed_files f where f.feed = feed_check_files.feed
    )
    insert into feed_notices (feed, severity, code, file, detail)
    select feed_check_files.feed, n.severity, n.code, n.file, n.detail
      from (select 'error' as severity, 'missing_required_file' as code, k.file,
                   null as detail
              from known k
             where k.needed and k.file not in (select m.file from mine m)
            union all
            select 'error', 'missing_calendar_and_calendar_date_files',
                   'calendar.txt', null
             where not exists (select from mine m where m.file in
                                   ('calendar.txt', 'calendar_dates.txt'))
            union all
            select 'error', 'missing_required_column', m.file, c.name
              from mine m
              join known k using (file)
             cross join unnest(k.columns) as c (name)
             where c.name <> all (m.columns)
            union all
            select 'error', 'duplicated_column', m.file, c.name
              from mine m
             cross join unnest(m.columns) as c (name)
             group by m.file, c.name
            having count(*) > 1
            union all
            select 'info', 'file_not_used', m.file, null
              from mine m
             where m.file not in (select k.file from known k)) n
$$;

-- calendar.txt and calendar_dates.txt: the days of each service.
create function feed_read_services(feed int)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'calendar.txt',
           '{service_id,start_date,end_date,monday,tuesday,wednesday,thursday,friday,saturday,sunday}');
    d  int[] := feed_positions(feed, 'calendar_dates.txt',
           '{service_id,date,exception_type}');
begin
    insert into services (feed, number, id)
    select feed_read_services.feed, row_number() over (order by s.id), s.id
      from (select l.fields[c[1]] as id from feed_lines l
             where l.feed = feed_read_services.feed and l.file = 'calendar.txt'
            union
            select l.fields[d[1]] from feed_lines l
             where l.feed = feed_read_services.feed
               and l.file = 'calendar_dates.txt') s
     where s.id <> '';

    -- ten years are a mistake, not a timetable
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_read_services.feed, 'error', n.code, n.file, n.line, n.detail
      from (select 'invalid_date' as code, l.file, l.line,
                   coalesce(l.fields[c[2]], '') || ' - ' || coalesce(l.fields[c[3]], '')
                       as detail
              from feed_lines l
             where l.feed = feed_read_services.feed and l.file = 'calendar.txt'
               and (gtfs_date(l.fields[c[2]]) is null or gtfs_date(l.fields[c[3]]) is null)
            union all
            select 'start_and_end_range_out_of_order', l.file, l.line,
                   l.fields[c[2]] || ' - ' || l.fields[c[3]]
              from feed_lines l
             where l.feed = feed_read_services.feed and l.file = 'calendar.txt'
               and gtfs_date(l.fields[c[2]]) > gtfs_date(l.fields[c[3]])
            union all
            select 'number_out_of_range', l.file, l.line, 'more than ten years'
              from feed_lines l
             where l.feed = feed_read_services.feed and l.file = 'calendar.txt'
               and gtfs_date(l.fields[c[3]]) - gtfs_date(l.fields[c[2]]) > 3660
            union all
            select 'invalid_date', l.file, l.line, l.fields[d[2]]
              from feed_lines l
             where l.feed = feed_read_services.feed and l.file = 'calendar_dates.txt'
               and gtfs_date(l.fields[d[2]]) is null
            union all
            select 'unexpected_enum_value', l.file, l.line,
                   'exception_type ' || coalesce(l.fields[d[3]], '')
              from feed_lines l
             where l.feed = feed_read_services.feed and l.file = 'calendar_dates.txt'
               and coalesce(l.fields[d[3]], '') not in ('1', '2')) n;

    perform feed_check_keys(feed, 'calendar.txt', 'service_id');

    insert into service_days (feed, day, service)
    select s.feed, x.day, s.number
      from (select l.fields[c[1]] as id, g.day::date as day
              from feed_lines l
             cross join lateral generate_series(
                        gtfs_date(l.fields[c[2]]),
                        least(gtfs_date(l.fields[c[3]]),
                              gtfs_date(l.fields[c[2]]) + 3660),
                        interval '1 day') as g (day)
             where l.feed = feed_read_services.feed and l.file = 'calendar.txt'
               and l.fields[c[3 + extract(isodow from g.day)::int]] = '1'
            union
            select l.fields[d[1]], gtfs_date(l.fields[d[2]])
              from feed_lines l
             where l.feed = feed_read_services.feed
               and l.file = 'calendar_dates.txt' and l.fields[d[3]] = '1'
            except
            select l.fields[d[1]], gtfs_date(l.fields[d[2]])
              from feed_lines l
             where l.feed = feed_read_services.feed
               and l.file = 'calendar_dates.txt' and l.fields[d[3]] = '2') x
      join services s on s.feed = feed_read_services.feed and s.id = x.id
     where x.day is not null;

    update feeds f
       set (valid_from, valid_to) = (select min(s.day), max(s.day)
                                       from service_days s where s.feed = f.id)
     where f.id = feed_read_services.feed;

    if not exists (select from service_days s where s.feed = feed_read_services.feed) then
        perform feed_note(feed, 'error', 'no_service_days', 'calendar.txt');

    elsif exists (select from feeds f where f.id = feed_read_services.feed
                     and f.valid_to < (now() at time zone 'Asia/Ho_Chi_Minh')::date)
    then
        perform feed_note(feed, 'warning', 'expired_calendar', 'calendar.txt', null,
                          (select f.valid_to::text from feeds f
                            where f.id = feed_read_services.feed));
    end if;
end
$$;

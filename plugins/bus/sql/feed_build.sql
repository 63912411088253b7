-- Makes a timetable of the files of an import, and says what is wrong with them:
-- the report, with state "ready", or "refused" when there is an error. Nothing is
-- served of it until feed_publish().
create function feed_build(feed int)
returns json
language plpgsql
as $$
declare
    errors  bigint;
begin
    perform feed_check_files(feed);

    if not exists (select from feed_notices n
                    where n.feed = feed_build.feed and n.severity = 'error')
    then
        perform feed_read_stops(feed);
        perform feed_read_routes(feed);
        perform feed_read_services(feed);
        perform feed_read_trips(feed);
        perform feed_read_calls(feed);
    end if;

    if not exists (select from feed_notices n
                    where n.feed = feed_build.feed and n.severity = 'error')
    then
        perform feed_make_trips(feed);
        perform feed_make_departures(feed);
        perform feed_make_transfers(feed);
        perform feed_make_fares(feed);
    end if;

    select count(*) into errors
      from feed_notices n
     where n.feed = feed_build.feed and n.severity = 'error';

    if errors = 0 and not exists (select from trips t where t.feed = feed_build.feed)
    then
        perform feed_note(feed, 'error', 'no_trips', 'trips.txt');
        errors := 1;
    end if;

    update feeds f
       set state = case when errors = 0 then 'ready' else 'refused' end,
           counts = json_build_object(
               'stops', (select count(*) from stops x where x.feed = f.id),
               'routes', (select count(*) from routes x where x.feed = f.id),
               'patterns', (select count(*) from patterns x where x.feed = f.id),
               'trips', (select count(*) from trips x where x.feed = f.id),
               'calls', (select count(*) from calls x where x.feed = f.id),
               'service_days', (select count(*) from service_days x where x.feed = f.id))
     where f.id = feed_build.feed;

    delete from feed_calls x where x.feed = feed_build.feed;
    delete from feed_trips x where x.feed = feed_build.feed;
    delete from feed_lines x where x.feed = feed_build.feed;

    return feed_report(feed);
end
$$;

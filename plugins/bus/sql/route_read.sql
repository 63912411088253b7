-- GET /v1/bus/routes/{id}: a route, and the stops of each of its patterns, the
-- one with most trips first.
create function route_read(caller jsonb, id text)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, null::text,
           (route_document(r)::jsonb || jsonb_build_object(
               'fares', coalesce((
                   select jsonb_agg(jsonb_build_object(
                              'price', x.price::text, 'currency', x.currency,
                              'transfers', x.transfers) order by x.price)
                     from fares x
                    where x.feed = r.feed and (x.route = r.id or x.route is null)), '[]'),
               'patterns', coalesce((
                   select jsonb_agg(jsonb_build_object(
                              'direction', p.direction, 'headsign', p.headsign,
                              'trips', t.trips,
                              'stops', (select jsonb_agg(s.document::jsonb
                                                         order by x.sequence)
                                          from pattern_stops x
                                          join stops s on s.feed = x.feed
                                                      and s.number = x.stop
                                         where x.feed = p.feed and x.pattern = p.number))
                              order by t.trips desc, p.number)
                     from patterns p
                    cross join lateral (select count(*) as trips from trips y
                                         where y.feed = p.feed
                                           and y.pattern = p.number) t
                    where p.feed = r.feed and p.route = r.id), '[]')))::json
      from routes r
     where r.feed = feed_current() and r.id = route_read.id
$$;

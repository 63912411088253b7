-- GET /v1/bus/stops/{id}/departures: what leaves a stop, or any stop of a
-- station, from a time on, in order; with what the agency says of today.
--
-- Service days before count too: their buses after midnight are after 24:00, up to 99:59. So
-- does the next one, from four hours before it begins; earlier as far as it has buses that
-- leave before the last one of those, and not at all where that leaves before midnight. A
-- bus whose time has passed within the hour, and that is said to be late, is still to come.
--
-- The text is put together of what the import made ready (feed_make_departures), which takes
-- half the time of values of json; a cast to json would read it all again. "offset 0" has
-- what is in such a subquery computed once, not wherever it is mentioned.
create function stop_departures(caller jsonb, id text, at timestamptz, page_size int)
returns table (status int, etag text, body text)
language sql stable
as $$
    select 200, null::text, concat(
           '{"stop":', p.document, ',"at":', to_json(p.since), ',"realtime":',
           coalesce(case when p.spoken is not null then json_build_object(
               'made_at', p.spoken,
               'age', extract(epoch from now() - p.spoken)::int) end, 'null'),
           ',"items":[', (
        select string_agg(concat(
                   n.shown, n.place, to_json(n.at),
                   case when n.cancelled then ',"expected_at":null,"cancelled":true'
                        when n.delay is null then ',"expected_at":null,"cancelled":false'
                        else concat(',"expected_at":',
                                    to_json(n.at + n.delay * interval '1 second'),
                                    ',"cancelled":false') end,
                   ',"headway":', coalesce(n.headway::text, 'null'), '}'), E', \n ')
          from (select k.*, b.place
                  -- the days that can matter: yesterday's buses run until ends, and
                  -- tomorrow's are looked for in the evening, all, or earlier until "last"
                  from (select x.day, x.starts, x.services,
                               extract(epoch from p.since - x.starts)::int as second,
                               case when p.spoken is null then 0 else 3600 end as late,
                               case when x.starts <= p.evening then 2147483647
                                    else extract(epoch from max(x.ends)
                                             filter (where x.starts <= p.evening) over ()
                                             - x.starts)::int end as last
                          from feed_days x
                         where x.feed = p.feed and x.day between p.today - 4 and p.today + 2
                           and x.ends >= p.since - interval '1 hour'
                        offset 0) d
                 -- its platforms
                 cross join lateral (
                    select x.number, concat(
                               ',"day":', to_json(d.day), ',"stop":', to_json(x.id),
                               ',"platform":', coalesce(to_json(x.platform), 'null'),
                               ',"scheduled_at":') as place
                      from stops x
                     where x.feed = p.feed and x.number = any (p.platforms)
                    offset 0) b
                 -- what leaves there then, or is late
                 cross join lateral (
                    select x.shown, x.headway, x.trip, x.sequence, now.delay, now.cancelled,
                           d.starts + x.departure * interval '1 second' as at
                      from departures x
                      left join lateral trip_now(p.spoken, x.trip_id, d.day, x.starts,
                                                 x.sequence) now on true
                     where x.feed = p.feed and x.stop = b.number
                       and x.service = any (d.services)
                       and x.departure >= d.second - d.late and x.departure <= d.last
                       and x.departure + greatest(0, case when now.cancelled then 0
                                                          else now.delay end) >= d.second
                     order by x.departure, x.trip, x.sequence
                     limit page_size) k
                 where d.last >= 0
                 order by k.at, k.trip, k.sequence
                 limit page_size) n), ']}')
      from (select f.id as feed, s.document, s.platforms, c.since,
                   (c.since at time zone f.timezone)::date as today,
                   c.since + interval '4 hours' as evening,
                   (select g from realtime_good() g) as spoken
              from (select x.id, x.timezone from feeds x
                     where x.state = 'current'
                    offset 0) f
             cross join lateral (
                select x.document, x.platforms from stops x
                 where x.feed = f.id and x.id = stop_departures.id
                offset 0) s
             cross join (select coalesce(at, now()) as since) c
            offset 0) p
$$;

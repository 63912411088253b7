-- How to change buses on foot: transfers.txt, and stops within so many metres
-- at a metre a second, by the air line.
create function feed_make_transfers(feed int, metres int default 300)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, 'transfers.txt',
           '{from_stop_id,to_stop_id,transfer_type,min_transfer_time}');
begin
    perform feed_check_references(feed, 'transfers.txt', 'from_stop_id',
                                  'stops.txt', 'stop_id');
    perform feed_check_references(feed, 'transfers.txt', 'to_stop_id',
                                  'stops.txt', 'stop_id');

    -- or each stop is measured against each
    analyze stops;

    insert into transfers (feed, from_stop, to_stop, seconds, metres)
    select a.feed, a.number, b.number,
           greatest(ceil(st_distance(a.location, b.location))::int, 60),
           round(st_distance(a.location, b.location))
      from stops a
      join stops b on b.feed = a.feed and b.number <> a.number
                  and b.location_type = 0
                  and st_dwithin(b.location, a.location, feed_make_transfers.metres)
     where a.feed = feed_make_transfers.feed and a.location_type = 0;

    -- what the feed says wins; type 3 is: not possible
    insert into transfers (feed, from_stop, to_stop, seconds, metres)
    select distinct on (a.number, b.number)
           a.feed, a.number, b.number,
           greatest(coalesce(gtfs_integer(l.fields[c[4]], 0, 86400), 0),
                    ceil(st_distance(a.location, b.location))::int),
           round(st_distance(a.location, b.location))
      from feed_lines l
      join stops a on a.feed = l.feed and a.id = l.fields[c[1]]
      join stops b on b.feed = l.feed and b.id = l.fields[c[2]]
     where l.feed = feed_make_transfers.feed and l.file = 'transfers.txt'
       and a.number <> b.number
       and coalesce(l.fields[c[3]], '') in ('', '0', '1', '2')
     order by a.number, b.number, l.line
    on conflict on constraint transfers_pkey do update
       set seconds = excluded.seconds;

    delete from transfers t
     using feed_lines l, stops a, stops b
     where l.feed = feed_make_transfers.feed and l.file = 'transfers.txt'
       and l.fields[c[3]] = '3'
       and a.feed = l.feed and a.id = l.fields[c[1]]
       and b.feed = l.feed and b.id = l.fields[c[2]]
       and t.feed = l.feed and t.from_stop = a.number and t.to_stop = b.number;
end
$$;

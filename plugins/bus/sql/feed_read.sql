-- GET /v1/bus/feed: whose timetable this is, and until when it is good.
create function feed_read(caller jsonb)
returns table (status int, etag text, body json)
language sql stable
as $$
    select 200, f.digest,
           json_build_object('publisher', f.publisher, 'version', f.version,
                             'timezone', f.timezone, 'valid_from', f.valid_from,
                             'valid_to', f.valid_to,
                             'current_since', f.current_since, 'counts', f.counts)
      from feeds f
     where f.state = 'current'
$$;

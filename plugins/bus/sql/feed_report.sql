-- What an import found: state, counts, and notices by code with ten places
-- each.
create function feed_report(feed int)
returns json
language sql stable
as $$
    select json_build_object(
        'feed', f.id,
        'state', f.state,
        'source', f.source,
        'digest', f.digest,
        'publisher', f.publisher,
        'version', f.version,
        'valid_from', f.valid_from,
        'valid_to', f.valid_to,
        'counts', f.counts,
        'notices', coalesce((
            select json_agg(json_build_object(
                       'code', n.code, 'severity', n.severity, 'file', n.file,
                       'count', n.total, 'places', n.places)
                       order by n.severity, n.code, n.file)
              from (select x.code, x.severity, x.file, count(*) as total,
                           (array_agg(json_build_object(
                               'line', x.line, 'detail', x.detail)
                               order by x.line nulls first))[1:10] as places
                      from feed_notices x
                     where x.feed = feed_report.feed
                     group by x.code, x.severity, x.file) n), '[]'::json))
      from feeds f
     where f.id = feed_report.feed
$$;

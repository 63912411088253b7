-- A column whose values, where there are any, stand in a column of another file.
create function feed_check_references(feed int, file text, name text,
                                      other text, its_name text)
returns void
language plpgsql
as $$
declare
    c  int[] := feed_positions(feed, file, array[name]);
    o  int[] := feed_positions(feed, other, array[its_name]);
begin
    insert into feed_notices (feed, severity, code, file, line, detail)
    select feed_check_references.feed, 'error', 'foreign_key_violation',
           feed_check_references.file, min(l.line),
           format('%s "%s" is not in %s', name, l.fields[c[1]], other)
      from feed_lines l
     where l.feed = feed_check_references.feed
       and l.file = feed_check_references.file
       and l.fields[c[1]] <> ''
       and l.fields[c[1]] not in (
               select x.fields[o[1]] from feed_lines x
                where x.feed = feed_check_references.feed
                  and x.file = feed_check_references.other
                  and x.fields[o[1]] is not null)
     group by l.fields[c[1]];
end
$$;
